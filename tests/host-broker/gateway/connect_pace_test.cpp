#include "host-broker/gateway/connect_pace.hpp"

#include <gtest/gtest.h>

namespace zynclone::broker::gateway {
namespace {

using namespace std::chrono_literals;
using Time = ConnectPace::Time;

const Time k_start = Time() + 1h;

TEST(ConnectPace, FirstAttemptIsAtOnce) { EXPECT_EQ(ConnectPace({}, k_start).next(k_start), k_start); }

TEST(ConnectPace, FailuresComeLaterAndLaterUpToALimit) {
  ConnectPace pace({.shortest = 1s, .longest = 5s, .burst = 100, .refill = 1s}, k_start);
  for (const auto pause : {1s, 2s, 4s, 5s, 5s}) {
    pace.attempted(k_start);
    pace.failed(k_start);
    EXPECT_EQ(pace.next(k_start), k_start + pause);
  }
}

TEST(ConnectPace, SuccessAndANewAdvertisementStartAfresh) {
  ConnectPace pace({.shortest = 1s, .longest = 60s, .burst = 100, .refill = 1s}, k_start);
  for (int i = 0; i < 4; ++i) pace.failed(k_start);
  pace.advertised_anew();
  EXPECT_EQ(pace.next(k_start), k_start);
  pace.failed(k_start);
  EXPECT_EQ(pace.next(k_start), k_start + 1s);
  pace.succeeded();
  EXPECT_EQ(pace.next(k_start), k_start);
}

TEST(ConnectPace, NewAdvertisementsDoNotLiftTheRate) {
  ConnectPace pace({.shortest = 1ms, .longest = 1ms, .burst = 3, .refill = 10s}, k_start);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(pace.next(k_start), k_start);
    pace.attempted(k_start);
    pace.advertised_anew();
  }
  EXPECT_EQ(pace.next(k_start), k_start + 10s);
  EXPECT_EQ(pace.next(k_start + 4s), k_start + 10s);
  EXPECT_EQ(pace.next(k_start + 11s), k_start + 11s);
}

TEST(ConnectPace, AttemptsAreSavedUpToTheBurst) {
  ConnectPace pace({.shortest = 0s, .longest = 0s, .burst = 2, .refill = 1s}, k_start);
  const Time later = k_start + 1h;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(pace.next(later), later);
    pace.attempted(later);
  }
  EXPECT_EQ(pace.next(later), later + 1s);
}

}  // namespace
}  // namespace zynclone::broker::gateway
