# Release, warnings are errors. Not the default: a newer compiler must not break a user's build.
set(CMAKE_BUILD_TYPE Release CACHE STRING "")
set(CMAKE_COMPILE_WARNING_AS_ERROR ON CACHE BOOL "")
