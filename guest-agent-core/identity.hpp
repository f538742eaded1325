#pragma once
// Which VM this is. A process does not notice that its memory goes on in another VM, nor that its disk was copied into one, so the
// watcher compares what the host says with what was true before. Runs on the agent's one thread.

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "guest-agent-core/hooks.hpp"
#include "protocol/channel/wake_up.hpp"
#include "protocol/messages.hpp"

namespace zynclone::agent {

// What clone-monitor publishes about a member of a family.
struct Membership {
  protocol::MemberRole role = protocol::MemberRole::original;
  VmName vm;             // the family's original
  Uuid family;
  std::string member;    // this member's name: a clone's, or the VM's
  Generation generation; // of the family's published state
  bool operator==(const Membership&) const = default;
};

struct Identity {
  DomainId domain;
  Uuid uuid;                                        // of this VM
  std::optional<Membership> membership;             // nullopt: in no family, or not published yet
  std::optional<Uuid> generation_id;                // of the VM: another one in each copy of it; nullopt: not published
  bool is_being_saved = false;                      // its memory is being copied: no channel may be open
  std::map<unsigned, protocol::VifMode> interfaces; // as published; empty: no lockdown
  bool operator==(const Identity&) const = default;
};

// "pos1 (original)", "upgrade-1 (clone of pos1)", or "domain 7" outside a family.
std::string describe(const Identity& identity);
// ZYNCLONE_UUID, _ROLE, _VM, _MEMBER, _GENERATION_ID, _INTERFACES ("0=disabled 1=unlocked").
HookEnvironment environment_of(const Identity& identity);

// What the host says about this VM. Real: agent::linux XenstoreIdentity. Tests: FakeIdentitySource.
class IdentitySource {
 public:
  virtual ~IdentitySource() = default;
  // Errors: unavailable (no XenStore, or it does not answer), malformed. May be tried again.
  virtual asio::awaitable<Result<Identity>> read() = 0;
  // Until something may have changed since the last read. A hint. Errors: unavailable.
  virtual asio::awaitable<Result<void>> changed() = 0;
};

// The UUID under which this disk's agent ran last, kept on disk. Real: agent::linux FileLastIdentity. Tests: FakeLastIdentity.
class LastIdentity {
 public:
  virtual ~LastIdentity() = default;
  virtual std::optional<Uuid> load() = 0;
  virtual Result<void> save(const Uuid& uuid) = 0;
};

enum class Move {
  woke_elsewhere,   // this process goes on in another VM: a live clone
  booted_elsewhere, // the disk of another VM was started as this one: an offline or online clone
  restored,         // the same VM under a new domain id: saved and restored, or migrated
};

struct IdentityEvents {
  std::function<void(Move move, const Identity& now)> moved;
  std::function<void(const Identity& now)> interfaces_changed;  // also at the first reading, if any are published
  std::function<void(const Identity& now)> changed;             // anything at all
};

class IdentityWatcher {
 public:
  // Reads `last` only; who has looked after the move saves it.
  IdentityWatcher(IdentitySource& source, LastIdentity& last, IdentityEvents events);

  // Reads at once, on every hint, and every 15 s; until stop().
  asio::awaitable<void> run();
  void stop();

  // nullopt: could not be read yet.
  const std::optional<Identity>& current() const { return current_; }
  // Until it was read for the first time, or that failed.
  asio::awaitable<void> first_reading();

 private:
  asio::awaitable<void> read_once();
  asio::awaitable<void> wait_for_hint();
  asio::awaitable<void> stopped_or_after(Deadline time);
  void take(Identity now);
  std::optional<Move> move_to(const Identity& now) const;

  IdentitySource& source_;
  LastIdentity& last_;
  IdentityEvents events_;
  channel::WakeUp stopped_;
  channel::WakeUp read_;
  std::optional<Identity> current_;
  std::string last_error_;
  bool stopping_ = false;
  bool tried_ = false;
};

}  // namespace zynclone::agent
