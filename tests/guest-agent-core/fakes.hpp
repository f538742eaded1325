#pragma once
// Everything that the agent's core knows only as an interface, for tests: each writes down what was asked of it, in one common list, and
// fails or hangs when told to. Channels are socket pairs whose other end the test holds.

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "guest-agent-core/agent.hpp"
#include "tests/support/run.hpp"
#include "tests/protocol/channel/unix_pair.hpp"

namespace zynclone::tests {

using namespace zynclone::agent;

// What happened, in order.
struct Record {
  std::vector<std::string> events;
  void add(std::string event) { events.push_back(std::move(event)); }
  bool has(const std::string& event) const;
  std::size_t count(const std::string& event) const;
};

// The broker's end of a channel, or a local program's: asks, and answers with what `answers` gives.
class FakePeer {
 public:
  using Answer = std::function<std::string(const protocol::Request&)>;
  FakePeer(asio::io_context& context, std::unique_ptr<channel::Channel> channel, channel::Framing framing, protocol::Sender peer_is);

  ~FakePeer();

 private:
  // Shared with the requests that are never answered, which end after this.
  struct State {
    Answer answer;
    std::vector<protocol::Request> requests;
    std::optional<Error> ended;
    channel::WakeUp gone;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();

 public:
  Answer& answer = state_->answer;                              // none: no answer at all, ever
  std::vector<protocol::Request>& requests = state_->requests;  // that came, notifications too
  std::optional<Error>& ended = state_->ended;
  channel::Peer& peer() { return *peer_; }
  std::vector<protocol::OperationView> changes() const;  // from operation.changed

  // Asks, and gives the answer when there is one.
  template <class M>
  std::shared_ptr<std::optional<Result<typename M::Result>>> ask(M method, protocol::Request envelope = {}) {
    auto answered = std::make_shared<std::optional<Result<typename M::Result>>>();
    start(context_, peer_->call(std::move(method), std::chrono::seconds(15), std::move(envelope)),
          [answered](Result<typename M::Result> result) { answered->emplace(std::move(result)); });
    return answered;
  }

 private:
  static asio::awaitable<std::string> handle(std::shared_ptr<State> state, protocol::Request request);
  static asio::awaitable<void> run(std::shared_ptr<State> state, std::shared_ptr<channel::Peer> peer);
  asio::io_context& context_;
  std::shared_ptr<channel::Peer> peer_;
};

class FakeChannelFactory final : public ChannelFactory {
 public:
  explicit FakeChannelFactory(asio::io_context& context) : context_(context) {}
  // The broker connects: now, or when the agent opens its next channel.
  std::unique_ptr<FakePeer> connect();
  std::unique_ptr<FakePeer> connect_and_greet();
  std::optional<Error> failure;
  unsigned opened = 0;  // calls

  asio::awaitable<Result<std::unique_ptr<channel::Channel>>> open() override;

 private:
  asio::io_context& context_;
  std::deque<std::unique_ptr<channel::Channel>> offered_;
  channel::WakeUp changed_;
};

class FakeLocalListener final : public LocalListener {
 public:
  explicit FakeLocalListener(asio::io_context& context, Record& record) : context_(context), record_(record) {}
  std::unique_ptr<FakePeer> connect(Rights rights, std::string user = "uid 1000");
  std::unique_ptr<channel::Channel> connect_raw(Rights rights, std::string user = "uid 1000");
  std::optional<Error> open_failure;

  Result<void> open() override;
  asio::awaitable<Result<LocalConnection>> accept() override;
  void close() override;

 private:
  asio::io_context& context_;
  Record& record_;
  std::deque<LocalConnection> offered_;
  channel::WakeUp changed_;
  bool closed_ = false;
};

// Records "<event> <name>", and "cancelled <name>" when a run is ended from outside.
class FakeHookPrograms final : public HookPrograms {
 public:
  explicit FakeHookPrograms(Record& record) : record_(record) {}
  enum class Behaviour { succeeds, fails, hangs };
  std::map<HookEvent, std::vector<std::string>> names;
  std::map<std::string, Behaviour> behaviours;
  std::map<std::string, HookEnvironment> environments;  // by "<event> <name>"
  std::map<std::string, Deadline> limits;
  std::string output = "line one\nline two\n";

  std::vector<std::string> list(HookEvent event) override { return names[event]; }
  asio::awaitable<HookResult> run(HookEvent event, std::string name, HookEnvironment environment, Deadline limit) override;

 private:
  Record& record_;
};

// Records "run <command>", and "killed <command>" when a run is ended from outside.
class FakeCommandPrograms final : public CommandPrograms {
 public:
  explicit FakeCommandPrograms(Record& record) : record_(record) {}
  CommandEnd end;
  std::optional<Error> failure;
  HookEnvironment environment;  // of the last one
  Deadline limit{};
  void hold() { held_ = true; }
  void let_go();

  asio::awaitable<Result<CommandEnd>> run(std::vector<std::string> command, HookEnvironment environment, Deadline limit) override;

 private:
  Record& record_;
  channel::WakeUp changed_;
  bool held_ = false;
};

class FakeFreezer final : public Freezer {
 public:
  explicit FakeFreezer(Record& record) : record_(record) {}
  std::vector<std::string> configured;
  std::optional<Error> failure;
  bool hangs = false;           // freeze ends with a cancellation only
  unsigned thaw_failures = 0;
  Thaw thaw_result = Thaw::held;
  Deadline longest{};

  std::vector<std::string> mounts() override { return configured; }
  asio::awaitable<Result<void>> freeze(Deadline limit, Deadline longest_hold) override;
  asio::awaitable<Result<Thaw>> thaw(std::vector<std::string> mounts) override;

 private:
  Record& record_;
};

class FakeQuiesceStore final : public QuiesceStore {
 public:
  explicit FakeQuiesceStore(Record& record) : record_(record) {}
  std::optional<QuiesceRecord> kept;
  std::optional<Error> save_failure;
  std::optional<Error> load_failure;

  Result<void> save(const QuiesceRecord& record) override;
  Result<std::optional<QuiesceRecord>> load() override;
  Result<void> clear() override;

 private:
  Record& record_;
};

class FakeIdentitySource final : public IdentitySource {
 public:
  void set(Identity identity);
  void fail(Error error);

  asio::awaitable<Result<Identity>> read() override;
  asio::awaitable<Result<void>> changed() override;

 private:
  Result<Identity> now_ = Error{Errc::unavailable, "no XenStore"};
  channel::WakeUp changed_;
};

class FakeLastIdentity final : public LastIdentity {
 public:
  std::optional<Uuid> kept;
  std::optional<Uuid> load() override { return kept; }
  Result<void> save(const Uuid& uuid) override {
    kept = uuid;
    return outcome::success();
  }
};

// Records "mount sales ext4" and the like. A device is there when it is in `devices`.
class FakeVolumeMounter final : public VolumeMounter {
 public:
  explicit FakeVolumeMounter(Record& record) : record_(record) {}
  std::set<std::string> devices{"xvds"};
  std::map<std::string, std::string> mounted;  // device by mount point
  std::optional<Error> find_failure;
  std::optional<Error> mount_failure;
  std::optional<Error> unmount_failure;
  bool hangs = false;  // mount and unmount end with a cancellation only

  std::string path_of(const std::string& device) override { return "/dev/" + device; }
  asio::awaitable<Result<void>> wait_for_device(std::string device, Deadline limit) override;
  asio::awaitable<Result<bool>> is_mounted(VolumePlace place) override;
  asio::awaitable<Result<void>> mount(VolumePlace place, std::string filesystem) override;
  asio::awaitable<Result<void>> unmount(VolumePlace place) override;

 private:
  Record& record_;
};

class FakeVolumeStore final : public VolumeStore {
 public:
  std::map<VolumeName, VolumeRecord> kept;
  std::optional<Error> save_failure;
  std::optional<Error> load_failure;

  Result<void> save(const VolumeName& volume, const VolumeRecord& record) override;
  Result<std::optional<VolumeRecord>> load(const VolumeName& volume) override;
  Result<void> clear() override {
    kept.clear();
    return outcome::success();
  }
};

class FakeIdentityStore final : public IdentityStore {
 public:
  std::optional<IdentityRecord> kept;
  std::optional<Error> save_failure;
  std::optional<Error> load_failure;

  Result<void> save(const IdentityRecord& record) override;
  Result<std::optional<IdentityRecord>> load() override;
};

Uuid uuid_number(unsigned number);
OperationId operation_number(unsigned number);
protocol::OperationView operation_view(unsigned number, protocol::OperationState state = protocol::OperationState::running);
Identity original_identity();  // domain 5, VM pos1
Identity clone_identity();     // domain 9, clone upgrade-1 of pos1
protocol::Accepted accepted(unsigned operation);

}  // namespace zynclone::tests
