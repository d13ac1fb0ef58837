# Thread sanitizer.
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
set(CMAKE_C_FLAGS "-O2 -fno-omit-frame-pointer -fsanitize=thread" CACHE STRING "")
