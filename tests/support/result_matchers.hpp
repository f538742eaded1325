#pragma once
// Assertions on Result: EXPECT_OK(result) prints the error, EXPECT_FAILS(result, Errc::x) the error or that there is none.

#include <gtest/gtest.h>

#include "protocol/result.hpp"

namespace zynclone::tests {

template <class T>
::testing::AssertionResult succeeded(const Result<T>& result) {
  if (result) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << to_string(result.error().code) << ": " << result.error().message
                                       << (result.error().place.empty() ? "" : " at " + result.error().place);
}

template <class T>
::testing::AssertionResult failed_with(const Result<T>& result, Errc code) {
  if (result) return ::testing::AssertionFailure() << "it succeeded, but should fail with " << to_string(code);
  if (result.error().code == code) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "it failed with " << to_string(result.error().code) << " instead of " << to_string(code)
                                       << ": " << result.error().message;
}

}  // namespace zynclone::tests

#define EXPECT_OK(result) EXPECT_TRUE(::zynclone::tests::succeeded(result))
#define ASSERT_OK(result) ASSERT_TRUE(::zynclone::tests::succeeded(result))
#define EXPECT_FAILS(result, code) EXPECT_TRUE(::zynclone::tests::failed_with(result, code))
#define ASSERT_FAILS(result, code) ASSERT_TRUE(::zynclone::tests::failed_with(result, code))
