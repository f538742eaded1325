#pragma once
// What guests can make the broker do and write beside what policy says: how many messages of a member a second, how many requests of a
// family a minute, how many entries of refused ones in the audit log; and turns, so that what is checked still holds when it is journalled.
// In memory, by time that nobody sets. Owned by the Broker; one thread.

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "protocol/names.hpp"
#include "system/async.hpp"

namespace zynclone::broker {

using SteadyTime = std::chrono::steady_clock::time_point;

inline constexpr std::size_t k_most_requests = 60;  // a minute, of one family, whatever policy says: each costs a journal entry
inline constexpr std::chrono::minutes k_request_window{1};
inline constexpr unsigned k_most_refusals_noted = 10;  // an hour, of one family, each by an entry of its own; the others by their number
inline constexpr std::chrono::hours k_refusal_window{1};

inline constexpr unsigned k_message_burst = 5;  // seconds' worth of a member's messages that may come at once

// Every message of one member, also one that only asks: each costs the broker's thread its time, and many the journal's.
class MessageLimit {
 public:
  explicit MessageLimit(unsigned a_second) : interval_(std::chrono::nanoseconds(std::chrono::seconds(1)) / a_second) {}
  // Counts a message; where it is one too many, it is not counted, and this is the time until the next will be taken.
  std::optional<std::chrono::nanoseconds> take(const Uuid& member, SteadyTime now);
  std::size_t remembered() const { return paid_until_.size(); }

 private:
  std::chrono::nanoseconds interval_;
  std::map<Uuid, SteadyTime> paid_until_;  // when all that a member has sent is paid for, at one message an interval; those in the future
};

class RequestLimit {
 public:
  // Counts a request; false when it is one too many, and is not counted.
  bool take(const Uuid& family, SteadyTime now);
  // After `take` gave false: when the next will be taken.
  SteadyTime next(const Uuid& family) const;

 private:
  std::map<Uuid, std::deque<SteadyTime>> taken_;  // within the last minute
};

class RefusalLimit {
 public:
  enum class Note {
    entry,           // write it
    first_counted,   // counted only; when `ends` has come, `take_count` gives the number for the one entry that stands for all
    counted,
  };
  Note note(const Uuid& family, SteadyTime now);
  // When the family's hour ends.
  SteadyTime ends(const Uuid& family) const;
  // How many were counted only. A new hour begins with the next refusal.
  std::uint64_t take_count(const Uuid& family);

 private:
  struct Hour {
    SteadyTime began;
    unsigned noted = 0;
    std::uint64_t counted = 0;
  };
  std::map<Uuid, Hour> hours_;
};

// One request of a family at a time between its checks and the journal.
class FamilyTurns {
 private:
  struct Line;

 public:
  // Ends with its scope.
  class Turn {
   public:
    explicit Turn(std::shared_ptr<Line> line) : line_(std::move(line)) {}
    Turn(Turn&&) noexcept = default;
    Turn& operator=(Turn&&) = delete;
    ~Turn();

   private:
    std::shared_ptr<Line> line_;
  };

  asio::awaitable<Turn> take(Uuid family);

 private:
  std::map<Uuid, std::weak_ptr<Line>> lines_;
};

}  // namespace zynclone::broker
