#include "guest-agent-core/identity.hpp"

#include "guest-agent-core/either.hpp"
#include "protocol/codec.hpp"
#include "system/log.hpp"

namespace zynclone::agent {
namespace {

constexpr std::chrono::seconds k_now_and_then{15};   // hints can be lost
constexpr std::chrono::seconds k_after_an_error{2};
constexpr std::chrono::seconds k_read_deadline{10};

}  // namespace

std::string describe(const Identity& identity) {
  if (!identity.membership) return "domain " + std::to_string(identity.domain.value);
  const Membership& member = *identity.membership;
  if (member.role == protocol::MemberRole::original) return member.vm.text() + " (original)";
  return member.member + " (clone of " + member.vm.text() + ")";
}

HookEnvironment environment_of(const Identity& identity) {
  HookEnvironment environment{{"ZYNCLONE_UUID", identity.uuid.text()}};
  if (identity.membership) {
    environment["ZYNCLONE_ROLE"] = protocol::to_string(identity.membership->role);
    environment["ZYNCLONE_VM"] = identity.membership->vm.text();
    environment["ZYNCLONE_MEMBER"] = identity.membership->member;
  }
  if (identity.generation_id) environment["ZYNCLONE_GENERATION_ID"] = identity.generation_id->text();
  std::string interfaces;
  for (const auto& [index, mode] : identity.interfaces) {
    if (!interfaces.empty()) interfaces += ' ';
    interfaces += std::to_string(index) + "=" + std::string(protocol::to_string(mode));
  }
  environment["ZYNCLONE_INTERFACES"] = interfaces;
  return environment;
}

IdentityWatcher::IdentityWatcher(IdentitySource& source, LastIdentity& last, IdentityEvents events)
    : source_(source), last_(last), events_(std::move(events)) {}

asio::awaitable<void> IdentityWatcher::run() {
  while (!stopping_) {
    co_await read_once();
    tried_ = true;
    read_.wake();
    if (!stopping_) co_await wait_for_hint();
  }
}

void IdentityWatcher::stop() {
  stopping_ = true;
  stopped_.wake();
  read_.wake();
}

asio::awaitable<void> IdentityWatcher::first_reading() {
  while (!tried_ && !stopping_) co_await read_.wait();
}

asio::awaitable<void> IdentityWatcher::read_once() {
  std::optional<Result<Identity>> now = co_await unless(stopped_or_after(k_read_deadline), source_.read());
  if (stopping_) co_return;
  if (!now) now.emplace(took_too_long("reading it", k_read_deadline));
  if (*now) {
    last_error_.clear();
    take(std::move(*now).value());
  } else if (now->error().message != last_error_) {
    last_error_ = now->error().message;
    log_warning("cannot tell which VM this is: " + last_error_);
  }
}

asio::awaitable<void> IdentityWatcher::wait_for_hint() {
  if (!last_error_.empty()) {
    co_await stopped_or_after(k_after_an_error);
    co_return;
  }
  const std::optional<Result<void>> hint = co_await unless(stopped_or_after(k_now_and_then), source_.changed());
  // The next reading says more; but not at once, should it fail again and again.
  if (hint && !*hint) co_await stopped_or_after(k_after_an_error);
}

asio::awaitable<void> IdentityWatcher::stopped_or_after(Deadline time) {
  if (!stopping_) co_await stopped_.wait_until(std::chrono::steady_clock::now() + time);
}

std::optional<Move> IdentityWatcher::move_to(const Identity& now) const {
  if (current_) {
    if (current_->uuid != now.uuid) return Move::woke_elsewhere;
    if (current_->domain != now.domain) return Move::restored;
    return std::nullopt;
  }
  const std::optional<Uuid> last = last_.load();
  if (last && *last != now.uuid) return Move::booted_elsewhere;
  return std::nullopt;
}

void IdentityWatcher::take(Identity now) {
  if (current_ == now) return;
  const std::optional<Move> move = move_to(now);
  const bool interfaces_changed = current_ ? current_->interfaces != now.interfaces : !now.interfaces.empty();
  current_ = std::move(now);
  if (move) events_.moved(*move, *current_);
  if (interfaces_changed) events_.interfaces_changed(*current_);
  events_.changed(*current_);
}

}  // namespace zynclone::agent
