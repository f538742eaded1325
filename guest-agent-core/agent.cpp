#include "guest-agent-core/agent.hpp"

#include "guest-agent-core/either.hpp"
#include "system/log.hpp"

namespace zynclone::agent {
namespace {

Error ended_by(Move move, const Identity& now) {
  if (move == Move::restored)
    return Error{Errc::unavailable, "cannot reach the broker: this VM was restored as domain " + std::to_string(now.domain.value) + "; ask again"};
  return Error{Errc::moved, "cannot go on with this request: it was made in another VM, and this agent woke up in a clone of it, " +
                                describe(now) + "; ask again"};
}

std::string_view word_of(Move move) {
  switch (move) {
    case Move::woke_elsewhere: return "woke up as another VM";
    case Move::booted_elsewhere: return "was booted from a copy of another VM's disk";
    case Move::restored: return "was restored";
  }
  return "";
}

}  // namespace

Agent::Agent(asio::any_io_executor executor, AgentParts parts, AgentLimits limits, std::function<void(std::string)> status)
    : executor_(executor),
      listener_(parts.listener),
      limits_(limits),
      status_(std::move(status)),
      root_(std::move(parts.root)),
      last_identity_(parts.last_identity),
      hooks_(parts.hooks, limits.hooks, [this] { return common_environment(); }),
      quiescer_(executor, hooks_, parts.freezer, parts.quiesce_store, limits.quiesce),
      preparation_(hooks_, quiescer_),
      volumes_(executor, hooks_, parts.mounter, parts.volume_store, quiescer_, std::move(parts.mount_points), limits.volumes),
      commands_(parts.commands, quiescer_, [this] { return common_environment(); }),
      identity_hooks_(parts.hooks, limits.identity_hooks, [this] { return common_environment(); }),
      identity_change_(identity_hooks_, parts.identity_store, quiescer_),
      event_hooks_(hooks_, quiescer_),
      calls_(quiescer_, hooks_, preparation_, volumes_, commands_, identity_change_,
             [this](const protocol::OperationView& operation) { server_.operation_changed(operation); }),
      session_(executor, parts.channels, limits.session, session_events()),
      server_(executor, parts.listener, session_, limits.local),
      watcher_(parts.identity, parts.last_identity, identity_events()) {}

HookEnvironment Agent::common_environment() const {
  HookEnvironment environment = identity() ? environment_of(*identity()) : HookEnvironment();
  if (!root_.empty()) environment["ZYNCLONE_ROOT"] = root_;
  return environment;
}

SessionEvents Agent::session_events() {
  SessionEvents events;
  events.called = [this](protocol::Request request) { return calls_.handle(std::move(request)); };
  events.up = [this] {
    server_.watch_again();
    tell_status();
  };
  events.down = [this](const Error& why) {
    // Nobody is left who would ask for the thaw.
    quiescer_.release("the channel to the broker ended: " + why.message);
    tell_status();
  };
  return events;
}

IdentityEvents Agent::identity_events() {
  IdentityEvents events;
  events.moved = [this](Move move, const Identity& now) { moved(move, now); };
  events.interfaces_changed = [this](const Identity& now) { event_hooks_.happened(HookEvent::interfaces, environment_of(now)); };
  events.changed = [this](const Identity& now) {
    follow_save(now.is_being_saved);
    if (remembered_ != now.uuid) start("remembering which VM this is", remember(now.uuid));
    remembered_ = now.uuid;
    tell_status();
  };
  return events;
}

void Agent::moved(Move move, const Identity& now) {
  log_warning("this agent " + std::string(word_of(move)) + ": it is " + describe(now) + " now, VM " + now.uuid.text());
  const Error why = ended_by(move, now);
  quiescer_.release(why.message);
  session_.drop(why);
  if (move == Move::woke_elsewhere) {
    server_.drop_all(why);
    // All were for the VM that this is a clone of; its broker calls again there.
    preparation_.drop(why);
    volumes_.drop(why);
    volumes_.forget();
    commands_.drop(why);
    identity_change_.drop(why);
  }
  if (move != Move::restored) event_hooks_.happened(HookEvent::identity, environment_of(now));
}

void Agent::follow_save(bool is_being_saved) {
  if (is_being_saved == being_saved_) return;
  being_saved_ = is_being_saved;
  ++saves_;
  changed_.wake();
  if (!is_being_saved) {
    session_.go_on();
    return;
  }
  session_.pause(Error{Errc::unavailable, "cannot reach the broker: this VM's memory is being copied; ask again"});
  start("waiting for the end of a save", end_of_save(saves_));
}

asio::awaitable<void> Agent::end_of_save(std::uint64_t save) {
  const auto until = std::chrono::steady_clock::now() + limits_.longest_save;
  bool in_time = true;
  while (in_time && save == saves_ && !stopping_) in_time = co_await changed_.wait_until(until);
  if (in_time) co_return;
  log_warning("the host has not said for a long time that it has copied this VM's memory: going on");
  session_.go_on();
}

void Agent::tell_status() {
  if (!serving_) return;
  std::string status = session_.is_up() ? "connected to the broker" : "waiting for the broker";
  if (identity()) status += " as " + describe(*identity());
  if (status == last_status_) return;
  last_status_ = status;
  status_(status);
}

asio::awaitable<Result<void>> Agent::run() {
  quiescer_.recover();
  co_await wait_thawed();
  CO_TRY(listener_.open());
  start("the identity watcher", watcher_.run());
  start("hooks of events", event_hooks_.run());
  co_await either(watcher_.first_reading(), sleep_for(limits_.first_reading));
  if (!stopping_) serve();
  while (!stopping_) co_await changed_.wait();
  co_await end();
  co_return outcome::success();
}

void Agent::serve() {
  start("the session with the broker", session_.run());
  start("the local API", server_.run());
  serving_ = true;
  tell_status();
}

asio::awaitable<void> Agent::end() {
  quiescer_.release("the agent is being stopped");
  co_await wait_thawed();
  // A volume stays as it is: the broker asks the agent that follows again, and a VM that ends lets go of everything.
  const Error stopped{Errc::unavailable, "the agent is being stopped"};
  preparation_.drop(stopped);
  volumes_.drop(stopped);
  commands_.drop(stopped);
  identity_change_.drop(stopped);
  session_.stop();
  server_.stop(Error{Errc::unavailable, "cannot go on with this request: the agent is being stopped"});
  event_hooks_.stop();
  watcher_.stop();
  while (parts_ > 0) co_await changed_.wait();
}

void Agent::stop() {
  stopping_ = true;
  changed_.wake();
}

// Its file may be on a file system that is frozen now.
asio::awaitable<void> Agent::remember(Uuid uuid) {
  co_await quiescer_.wait_idle();
  if (auto saved = last_identity_.save(uuid); !saved) log_warning(saved.error().message);
}

asio::awaitable<void> Agent::wait_thawed() {
  if (!quiescer_.held_for()) co_return;
  co_await either(quiescer_.wait_idle(), sleep_for(limits_.thaw));
  if (quiescer_.held_for()) log_error("the thaw is not done yet: going on, and trying on");
}

void Agent::start(std::string name, asio::awaitable<void> part) {
  ++parts_;
  spawn(executor_, std::move(name), counted(std::move(part)));
}

asio::awaitable<void> Agent::counted(asio::awaitable<void> part) {
  struct Count {
    Agent& agent;
    ~Count() {
      --agent.parts_;
      agent.changed_.wake();
    }
  } const count{*this};
  co_await std::move(part);
}

}  // namespace zynclone::agent
