#include "tests/guest-agent-core/fakes.hpp"

#include <algorithm>

namespace zynclone::tests {
namespace {

// What hangs: until its coroutine is cancelled.
asio::awaitable<void> never() {
  channel::WakeUp nothing;
  for (;;) co_await nothing.wait();
}

}  // namespace

bool Record::has(const std::string& event) const { return count(event) > 0; }

std::size_t Record::count(const std::string& event) const {
  return static_cast<std::size_t>(std::count(events.begin(), events.end(), event));
}

FakePeer::FakePeer(asio::io_context& context, std::unique_ptr<channel::Channel> channel, channel::Framing framing,
                   protocol::Sender peer_is)
    : context_(context) {
  auto called = [state = state_](protocol::Request request) { return handle(state, std::move(request)); };
  peer_ = std::make_shared<channel::Peer>(std::move(channel), framing, peer_is, called);
  asio::co_spawn(context_, run(state_, peer_), asio::detached);
}

FakePeer::~FakePeer() {
  peer_->close();
  settle(context_);
}

asio::awaitable<void> FakePeer::run(std::shared_ptr<State> state, std::shared_ptr<channel::Peer> peer) {
  Error why = co_await peer->run();
  state->ended = std::move(why);
  state->gone.wake();
}

asio::awaitable<std::string> FakePeer::handle(std::shared_ptr<State> state, protocol::Request request) {
  state->requests.push_back(request);
  if (!request.id) co_return std::string();
  if (state->answer) co_return state->answer(request);
  while (!state->ended) co_await state->gone.wait();
  co_return std::string();
}

std::vector<protocol::OperationView> FakePeer::changes() const {
  std::vector<protocol::OperationView> changes;
  for (const auto& request : requests) {
    if (const auto* changed = std::get_if<protocol::OperationChanged>(&request.method)) changes.push_back(changed->operation);
  }
  return changes;
}

std::unique_ptr<FakePeer> FakeChannelFactory::connect() {
  auto pair = unix_pair(context_);
  offered_.push_back(std::move(pair.guest));
  changed_.wake();
  return std::make_unique<FakePeer>(context_, std::move(pair.broker), channel::Framing::length, protocol::Sender::guest);
}

std::unique_ptr<FakePeer> FakeChannelFactory::connect_and_greet() {
  auto broker = connect();
  protocol::Hello hello;
  hello.software = "a fake broker";
  EXPECT_TRUE(broker->peer().post(hello)) << "cannot greet";
  return broker;
}

asio::awaitable<Result<std::unique_ptr<channel::Channel>>> FakeChannelFactory::open() {
  ++opened;
  if (failure) co_return *failure;
  while (offered_.empty()) co_await changed_.wait();
  auto channel = std::move(offered_.front());
  offered_.pop_front();
  co_return channel;
}

std::unique_ptr<channel::Channel> FakeLocalListener::connect_raw(Rights rights, std::string user) {
  auto pair = unix_pair(context_);
  LocalConnection connection;
  connection.channel = std::move(pair.guest);
  connection.caller.user = std::move(user);
  connection.caller.group = "zynclone";
  connection.caller.rights = [rights] { return rights; };
  offered_.push_back(std::move(connection));
  changed_.wake();
  return std::move(pair.broker);
}

std::unique_ptr<FakePeer> FakeLocalListener::connect(Rights rights, std::string user) {
  return std::make_unique<FakePeer>(context_, connect_raw(rights, std::move(user)), channel::Framing::line, protocol::Sender::broker);
}

Result<void> FakeLocalListener::open() {
  record_.add("listen");
  if (open_failure) return *open_failure;
  return outcome::success();
}

asio::awaitable<Result<LocalConnection>> FakeLocalListener::accept() {
  while (offered_.empty() && !closed_) co_await changed_.wait();
  if (closed_) co_return Error{Errc::unavailable, "closed"};
  LocalConnection connection = std::move(offered_.front());
  offered_.pop_front();
  co_return connection;
}

void FakeLocalListener::close() {
  closed_ = true;
  changed_.wake();
}

asio::awaitable<HookResult> FakeHookPrograms::run(HookEvent event, std::string name, HookEnvironment environment, Deadline limit) {
  const std::string run = std::string(to_string(event)) + " " + name;
  record_.add(run);
  environments[run] = environment;
  limits[run] = limit;
  HookResult result{name, std::nullopt, output};
  if (behaviours[run] == Behaviour::fails) result.error = Error{Errc::system, "cannot run the hook '" + name + "': exit status 3"};
  if (behaviours[run] == Behaviour::hangs) {
    struct Ended {
      Record& record;
      std::string name;
      bool by_time = false;
      ~Ended() {
        if (!by_time) record.add("cancelled " + name);
      }
    } ended{record_, run};
    co_await sleep_for(limit);
    ended.by_time = true;
    result.error = Error{Errc::timed_out, "cannot run the hook '" + name + "': it took too long"};
  }
  co_return result;
}

void FakeCommandPrograms::let_go() {
  held_ = false;
  changed_.wake();
}

asio::awaitable<Result<CommandEnd>> FakeCommandPrograms::run(std::vector<std::string> command, HookEnvironment given, Deadline given_limit) {
  std::string text;
  for (const std::string& word : command) text += (text.empty() ? "" : " ") + word;
  record_.add("run " + text);
  environment = std::move(given);
  limit = given_limit;
  struct Ended {
    Record& record;
    std::string text;
    bool by_itself = false;
    ~Ended() {
      if (!by_itself) record.add("killed " + text);
    }
  } ended{record_, text};
  while (held_) co_await changed_.wait();
  ended.by_itself = true;
  if (failure) co_return outcome::failure(*failure);
  co_return end;
}

asio::awaitable<Result<void>> FakeFreezer::freeze(Deadline, Deadline longest_hold) {
  record_.add("freeze");
  longest = longest_hold;
  if (hangs) co_await never();
  if (failure) co_return *failure;
  co_return outcome::success();
}

asio::awaitable<Result<Thaw>> FakeFreezer::thaw(std::vector<std::string> mounts) {
  std::string event = "thaw mounts";
  for (const std::string& mount : mounts) event += " " + mount;
  record_.add(event);
  if (thaw_failures > 0) {
    --thaw_failures;
    co_return Error{Errc::system, "cannot thaw"};
  }
  co_return thaw_result;
}

Result<void> FakeQuiesceStore::save(const QuiesceRecord& record) {
  if (save_failure) return *save_failure;
  record_.add("save " + std::to_string(record.mounts.size()));
  kept = record;
  return outcome::success();
}

Result<std::optional<QuiesceRecord>> FakeQuiesceStore::load() {
  if (load_failure) return *load_failure;
  return kept;
}

Result<void> FakeQuiesceStore::clear() {
  record_.add("clear");
  kept.reset();
  return outcome::success();
}

asio::awaitable<Result<void>> FakeVolumeMounter::wait_for_device(std::string device, Deadline limit) {
  record_.add("wait for " + device);
  if (!devices.contains(device)) co_return took_too_long("waiting for '" + path_of(device) + "'", limit);
  co_return outcome::success();
}

asio::awaitable<Result<bool>> FakeVolumeMounter::is_mounted(VolumePlace place) {
  if (find_failure) co_return *find_failure;
  const auto found = mounted.find(place.mount_point);
  co_return found != mounted.end() && found->second == place.device;
}

asio::awaitable<Result<void>> FakeVolumeMounter::mount(VolumePlace place, std::string filesystem) {
  record_.add("mount " + place.volume.text() + " " + filesystem);
  if (hangs) co_await never();
  if (mount_failure) co_return *mount_failure;
  mounted[place.mount_point] = place.device;
  co_return outcome::success();
}

asio::awaitable<Result<void>> FakeVolumeMounter::unmount(VolumePlace place) {
  record_.add("unmount " + place.volume.text());
  if (hangs) co_await never();
  if (unmount_failure) co_return *unmount_failure;
  mounted.erase(place.mount_point);
  co_return outcome::success();
}

Result<void> FakeVolumeStore::save(const VolumeName& volume, const VolumeRecord& record) {
  if (save_failure) return *save_failure;
  kept[volume] = record;
  return outcome::success();
}

Result<std::optional<VolumeRecord>> FakeVolumeStore::load(const VolumeName& volume) {
  if (load_failure) return *load_failure;
  const auto found = kept.find(volume);
  return found == kept.end() ? std::optional<VolumeRecord>() : found->second;
}

Result<void> FakeIdentityStore::save(const IdentityRecord& record) {
  if (save_failure) return *save_failure;
  kept = record;
  return outcome::success();
}

Result<std::optional<IdentityRecord>> FakeIdentityStore::load() {
  if (load_failure) return *load_failure;
  return kept;
}

void FakeIdentitySource::set(Identity identity) {
  now_ = std::move(identity);
  changed_.wake();
}

void FakeIdentitySource::fail(Error error) {
  now_ = std::move(error);
  changed_.wake();
}

asio::awaitable<Result<Identity>> FakeIdentitySource::read() { co_return now_; }

asio::awaitable<Result<void>> FakeIdentitySource::changed() {
  co_await changed_.wait();
  co_return outcome::success();
}

Uuid uuid_number(unsigned number) {
  std::string text = "00000000-0000-4000-8000-000000000000";
  const std::string digits = std::to_string(number);
  return Uuid::parse(text.replace(text.size() - digits.size(), digits.size(), digits)).value();
}

OperationId operation_number(unsigned number) {
  std::string text = "01J00000000000000000000000";
  const std::string digits = std::to_string(number);
  return OperationId::parse(text.replace(text.size() - digits.size(), digits.size(), digits)).value();
}

protocol::OperationView operation_view(unsigned number, protocol::OperationState state) {
  protocol::OperationView operation;
  operation.id = operation_number(number);
  operation.kind = "clone.create";
  operation.vm = VmName::parse("pos1").value();
  operation.target = "upgrade-1";
  operation.state = state;
  operation.requester = "pos1";
  return operation;
}

Identity original_identity() {
  Identity identity;
  identity.domain = DomainId{5};
  identity.uuid = uuid_number(5);
  Membership membership;
  membership.role = protocol::MemberRole::original;
  membership.vm = VmName::parse("pos1").value();
  membership.family = uuid_number(5);
  membership.member = "pos1";
  membership.generation = Generation{4};
  identity.membership = membership;
  identity.interfaces = {{0, protocol::VifMode::unlocked}};
  return identity;
}

Identity clone_identity() {
  Identity identity = original_identity();
  identity.domain = DomainId{9};
  identity.uuid = uuid_number(9);
  identity.membership->role = protocol::MemberRole::clone;
  identity.membership->member = "upgrade-1";
  identity.membership->generation = Generation{5};
  identity.interfaces = {{0, protocol::VifMode::disabled}};
  return identity;
}

protocol::Accepted accepted(unsigned operation) {
  protocol::Accepted accepted;
  accepted.operation = operation_view(operation, protocol::OperationState::queued);
  return accepted;
}

}  // namespace zynclone::tests
