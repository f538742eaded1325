#include "tests/host-broker/monitors/lockdown_world.hpp"

#include <csignal>
#include <cstdlib>
#include <spawn.h>
#include <sys/wait.h>

extern "C" {
#include <xenstore.h>
}

namespace zynclone::broker {

Family family_without_clones(std::uint64_t generation) {
  return {.vm = VmName::parse("pos1").value(),
          .uuid = k_original,
          .generation = {generation},
          .vifs = {{.index = 0, .mac = k_original_mac, .bridge = "xenbr0", .backend = "0", .interface = ""}},
          .clones = {}};
}

Family family_with_clone(std::uint64_t generation, protocol::CloneState state, VifMask original_mask, VifMask clone_mask) {
  Family family = family_without_clones(generation);
  Clone clone;
  clone.name = CloneName::parse("upgrade-1").value();
  clone.uuid = k_clone;
  clone.made_by = OperationId::parse("01J00000000000000000000000").value();
  clone.state = state;
  clone.original_mask = original_mask;
  clone.clone_mask = clone_mask;
  clone.vifs = {{.index = 0, .mac = k_clone_mac, .bridge = "xenbr0", .backend = "0", .interface = "zc1"}};
  family.clones.push_back(clone);
  return family;
}

Family family_with_isolated_clone(std::uint64_t generation, protocol::CloneState state) {
  Family family = family_with_clone(generation, state, VifMask{~0ull}, VifMask{0});
  family.clones[0].network = protocol::CloneNetwork::isolated;
  family.clones[0].vifs[0].bridge = "br0";
  return family;
}

Program::Program(std::vector<std::string> arguments) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  // Not the pretended xenstored's sockets: a connection that a program holds open by accident never ends for who is at its other end.
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  const int failed = ::posix_spawn(&process_, pointers[0], &actions, nullptr, pointers.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    std::fprintf(stderr, "cannot start %s\n", pointers[0]);
    std::abort();
  }
}

Program::~Program() {
  if (process_ > 0) end(SIGKILL);
}

int Program::end(int signal) {
  ::kill(process_, signal);
  return wait();
}

int Program::wait() {
  int status = 0;
  ::waitpid(process_, &status, 0);
  process_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string program_path(const std::string& name) { return std::string(TEST_BINARY_DIR) + "/bin/" + name; }

LockdownWorld::LockdownWorld() : store_(std::make_unique<sandbox::RunningStore>()) {
  use_domain(0);
  std::filesystem::create_directory(families_folder);
  write("/local/domain/0/domid", "0");
  write("/local/domain/0/name", "Domain-0");
}

void LockdownWorld::use_domain(std::uint32_t id) { ::setenv("XENSTORED_PATH", store_->socket_of({id}).c_str(), 1); }

xenstore::Store LockdownWorld::open() {
  auto store = xenstore::Store::open(context.get_executor());
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().message.c_str());
    std::abort();
  }
  return std::move(store).value();
}

void LockdownWorld::add_domain(std::uint32_t id, const Uuid& uuid, const std::string& name) {
  store_->on_thread([&](sandbox::StoreEngine& engine, sandbox::StoreServer& server) {
    const std::string home = "/local/domain/" + std::to_string(id);
    const sandbox::NodePermissions own{.entries = {{.domain = sandbox::k_host_domain}, {.domain = {id}, .access = sandbox::k_may_read}}};
    engine.add_domain({id});
    bool done = engine.write(home, "", own).has_value();
    done = done && engine.write(home + "/domid", std::to_string(id), own).has_value();
    done = done && engine.write(home + "/name", name, own).has_value();
    done = done && engine.write(home + "/vm", "/vm/" + uuid.text(), own).has_value();
    done = done && engine.write(home + "/device", "", {.entries = {{.domain = {id}}}}).has_value();
    engine.introduce({id});
    return done && server.open({id}).has_value();
  });
}

void LockdownWorld::remove_domain(std::uint32_t id) {
  store_->on_thread([&](sandbox::StoreEngine& engine, sandbox::StoreServer& server) {
    server.close({id});
    const bool done = engine.remove("/local/domain/" + std::to_string(id)).has_value();
    engine.release({id});
    return done;
  });
}

void LockdownWorld::add_vif(std::uint32_t backend, std::uint32_t domain, unsigned device, const std::string& mac, const std::string& renamed) {
  store_->on_thread([&](sandbox::StoreEngine& engine, sandbox::StoreServer&) {
    const std::string place = std::to_string(domain) + "/" + std::to_string(device);
    const sandbox::NodePermissions permissions{.entries = {{.domain = {backend}}, {.domain = {domain}, .access = sandbox::k_may_read}}};
    const std::string path = "/local/domain/" + std::to_string(backend) + "/backend/vif/" + place;
    bool done = engine.write("/local/domain/" + std::to_string(backend) + "/backend", "", {.entries = {{.domain = {backend}}}}).has_value();
    done = done && engine.write(path, "", permissions).has_value();
    done = done && engine.write(path + "/mac", mac, permissions).has_value();
    done = done && engine.write(path + "/hotplug-status", "connected", permissions).has_value();
    if (!renamed.empty()) done = done && engine.write(path + "/vifname", renamed, permissions).has_value();
    return done && engine.write("/local/domain/" + std::to_string(domain) + "/device/vif/" + std::to_string(device) + "/mac", mac).has_value();
  });
}

void LockdownWorld::hiccup() {
  EXPECT_TRUE(store_->on_thread([](sandbox::StoreEngine&, sandbox::StoreServer& server) {
    server.close({0});
    return server.open({0}).has_value();
  }));
}

void LockdownWorld::write(const std::string& path, const std::string& value) { EXPECT_OK(open().write(path, value)); }
void LockdownWorld::remove(const std::string& path) { EXPECT_OK(open().remove(path)); }

std::optional<std::string> LockdownWorld::read(const std::string& path) {
  auto value = open().read(path);
  EXPECT_OK(value);
  return value ? std::move(value).value() : std::nullopt;
}

std::vector<std::string> LockdownWorld::list(const std::string& path) {
  auto names = open().directory(path);
  EXPECT_OK(names);
  return names ? std::move(names).value() : std::vector<std::string>();
}

void LockdownWorld::wait_for(const std::string& path, const std::optional<std::string>& value) {
  xenstore::Store store = open();
  EXPECT_OK(store.watch(path, "test"));
  for (;;) {
    const auto now = store.read(path);
    ASSERT_OK(now);
    if (now.value() == value) return;
    const auto event = tests::run_on(context, with_timeout(store.next_event(), std::chrono::seconds(10), "the wait for " + path));
    ASSERT_TRUE(event) << event.error().message << "; it is " << now.value().value_or("not there");
  }
}

std::string LockdownWorld::permissions(const std::string& path) {
  xs_handle* handle = xs_open(0);
  unsigned count = 0;
  xs_permissions* entries = xs_get_permissions(handle, XBT_NULL, path.c_str(), &count);
  std::string text;
  for (unsigned at = 0; entries != nullptr && at < count; ++at) {
    text += (at == 0 ? "" : " ") + std::string(1, "nrwb"[entries[at].perms & (XS_PERM_READ | XS_PERM_WRITE)]) + std::to_string(entries[at].id);
  }
  std::free(entries);
  xs_close(handle);
  return text;
}

void LockdownWorld::save(const Family& family) { ASSERT_OK(configuration::FileFamilies(families_folder).save(family)); }
void LockdownWorld::remove_family(const std::string& vm) { std::filesystem::remove(families_folder / (vm + ".json")); }

network::FilterState LockdownWorld::filter_state() {
  auto state = network::PretendedFilter(filter_file).in_force();
  EXPECT_OK(state);
  return state && state.value() ? *state.value() : network::FilterState();
}

std::optional<network::VifRule> LockdownWorld::rule(const std::string& interface) {
  for (const network::VifRule& rule : filter_state().rules) {
    if (rule.interface == interface) return rule;
  }
  return std::nullopt;
}

Program LockdownWorld::start_clone_monitor(std::vector<std::string> more) {
  std::vector<std::string> arguments{program_path("clone-monitor"), "--clones", families_folder.string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Program(std::move(arguments));
}

Program LockdownWorld::start_net_monitor(std::vector<std::string> more) {
  std::vector<std::string> arguments{program_path("clone-net-monitor"), "--filter", "pretended", "--state", filter_file.string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Program(std::move(arguments));
}

}  // namespace zynclone::broker
