#pragma once
// The broker's death at a moment that the journal knows: a write to it throws, and from there on nothing of the process happens any more.

#include "tests/host-broker/core/world.hpp"

namespace zynclone::tests {

// Makes the journal's `nth` write, and every one after it, vanish: the process is as good as dead from there on. The broker may still act
// once on what it was doing, as a real one does between the action and its result.
inline void die_at(World& world, int nth) {
  auto count = std::make_shared<int>(0);
  world.journal.fails = [count, nth](const std::string&) -> std::optional<Error> {
    if (++*count >= nth) throw std::runtime_error("crash");
    return std::nullopt;
  };
}

// Asks, lets it run until the crash comes that was set up, and ends the broker. False: no crash came, and the operation has ended.
template <class M>
bool ask_until_crash(World& world, M call, std::optional<broker::Caller> caller = {}) {
  bool crashed = false;
  try {
    world.ask(caller.value_or(world.guest()), std::move(call));
    world.settle();
  } catch (const std::runtime_error&) {
    crashed = true;
  }
  const auto& operations = world.journal.operations;
  const bool finished = !operations.empty() && protocol::is_final(operations.back().state);
  world.crash();
  world.journal.fails = nullptr;
  return crashed || !finished;
}

// The same at the journal's nth write; then the broker is started again.
template <class M>
bool crashes_at(World& world, M call, int nth, std::optional<broker::Caller> caller = {}) {
  die_at(world, nth);
  const bool crashed = ask_until_crash(world, std::move(call), std::move(caller));
  world.start();
  return crashed;
}

}  // namespace zynclone::tests
