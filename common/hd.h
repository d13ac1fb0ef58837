/* hd - marks a function that is compiled for the host and, under nvcc, for the device as well. */
#ifndef COMMON_HD_H
#define COMMON_HD_H

#ifdef __CUDACC__
#define HD __host__ __device__ static __forceinline__
#else
#define HD static inline __attribute__((always_inline, unused))
#endif

#endif
