# How every target here is built: language, warnings, sanitizers, one precompiled header, ccache where it is installed,
# and four functions: zynclone_library, zynclone_program, zynclone_loads_fast, zynclone_test.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

option(ZYNCLONE_FUZZ "Build the libFuzzer targets (clang only)" OFF)
set(ZYNCLONE_SANITIZE "" CACHE STRING "Value of -fsanitize=, or empty")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # The sloppiness lets ccache keep objects that were compiled with a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime CCACHE_PCH_EXTSUM=1 ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
# Found here once, so that every folder may link them.
pkg_check_modules(XENSTORE REQUIRED IMPORTED_TARGET xenstore)
pkg_check_modules(XENVCHAN REQUIRED IMPORTED_TARGET xenvchan)
pkg_check_modules(XENLIGHT REQUIRED IMPORTED_TARGET xenlight xlutil xentoollog)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(NFTABLES REQUIRED IMPORTED_TARGET libnftables)

add_library(zynclone_options INTERFACE)
target_include_directories(zynclone_options INTERFACE ${PROJECT_SOURCE_DIR})
# Warnings are errors, but not where GCC 12 optimizes: there it sees overruns in its own std::string, in Outcome's storage and in
# coroutines' frames (GCC bugs 105329, 105651, 107852).
target_compile_options(zynclone_options INTERFACE -Wall -Wextra -Wpedantic $<$<NOT:$<CONFIG:Release>>:-Werror> -Wshadow -Wnon-virtual-dtor
  -Wno-missing-field-initializers)
target_compile_definitions(zynclone_options INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED ZYNCLONE_VERSION="${PROJECT_VERSION}")
target_link_libraries(zynclone_options INTERFACE Threads::Threads)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # In a coroutine's frame GCC 12 takes what its own source's anonymous namespace has for a header's, once that source is included by a batch.
  target_compile_options(zynclone_options INTERFACE -Wno-subobject-linkage)
  # -fPIC, also where CMake says -fPIE (programs): the precompiled header serves one of the two only.
  target_compile_options(zynclone_options INTERFACE -fpch-preprocess -fPIC)
endif()
if(ZYNCLONE_FUZZ)
  target_compile_options(zynclone_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(ZYNCLONE_SANITIZE)
  target_compile_options(zynclone_options INTERFACE -fsanitize=${ZYNCLONE_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=undefined)
  target_link_options(zynclone_options INTERFACE -fsanitize=${ZYNCLONE_SANITIZE})
endif()

# Asio's own code is compiled here, once; and the one precompiled header that all targets share.
add_library(zynclone_asio STATIC ${PROJECT_SOURCE_DIR}/cmake/asio.cpp)
target_link_libraries(zynclone_asio PUBLIC zynclone_options)
target_precompile_headers(zynclone_asio PRIVATE ${PROJECT_SOURCE_DIR}/cmake/precompiled.hpp)

# Sources of a folder are compiled sixteen at a time (CMAKE_UNITY_BUILD, which the presets set): half of the work is reading templates.
function(zynclone_target target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD_BATCH_SIZE 16)
  target_link_libraries(${target} PUBLIC zynclone_options zynclone_asio)
  if(NOT ZYNCLONE_FUZZ)  # clang takes no header of libraries for programs
    target_precompile_headers(${target} REUSE_FROM zynclone_asio)
  endif()
endfunction()

# zynclone_library(NAME alias::of::it SOURCES ... [LINK ...]): one static library of a folder.
function(zynclone_library name alias)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  add_library(${alias} ALIAS ${name})
  zynclone_target(${name})
  target_link_libraries(${name} PUBLIC ${arg_LINK})
endfunction()

# zynclone_program(NAME SOURCES ... [LINK ...])
function(zynclone_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  zynclone_target(${name})
  target_link_libraries(${name} PRIVATE ${arg_LINK})
endfunction()

# zynclone_loads_fast(NAME): for a program that is started while a till stands still. Loading libstdc++ takes three times as long as its work.
function(zynclone_loads_fast name)
  if(NOT ZYNCLONE_SANITIZE)
    target_link_options(${name} PRIVATE -static-libstdc++ -static-libgcc)
  endif()
endfunction()

# zynclone_test(NAME SOURCES ... [LINK ...]): one GoogleTest program, its cases found when the tests run.
function(zynclone_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  zynclone_target(${name})
  target_compile_definitions(${name} PRIVATE TEST_SOURCE_DIR="${PROJECT_SOURCE_DIR}" TEST_BINARY_DIR="${CMAKE_BINARY_DIR}")
  target_link_libraries(${name} PRIVATE ${arg_LINK} GTest::gmock GTest::gtest_main)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 60)
endfunction()
