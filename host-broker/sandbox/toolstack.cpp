#include "host-broker/sandbox/toolstack.hpp"

#include <charconv>

#include "host-broker/sandbox/control_client.hpp"
#include "host-broker/sandbox/domain_spec.hpp"
#include "host-broker/sandbox/memories.hpp"

namespace zynclone::sandbox {
namespace {

Result<DomainId> domain_of(const ControlMessage& reply) {
  DomainId domain;
  const std::string text = reply.get("domain");
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), domain.value);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(Errc::malformed, "cannot read the sandbox's answer: '" + printable(text) + "' is no domain's number");
  return domain;
}

// "number,uuid,state,name"
Result<broker::Domain> parse_domain(const std::string& text) {
  const auto malformed = [&] { return fail(Errc::malformed, "cannot read the sandbox's answer: '" + printable(text) + "' is no domain"); };
  std::vector<std::string> parts;
  for (std::size_t begin = 0; parts.size() < 3;) {
    const auto comma = text.find(',', begin);
    if (comma == std::string::npos) return malformed();
    parts.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
    if (parts.size() == 3) parts.push_back(text.substr(begin));
  }
  broker::Domain domain{.name = parts[3]};
  ControlMessage number;
  number.set("domain", parts[0]);
  TRY(domain.id, domain_of(number));
  TRY(domain.uuid, Uuid::parse(parts[1]));
  if (parts[2] == "running") domain.state = broker::DomainState::running;
  else if (parts[2] == "paused") domain.state = broker::DomainState::paused;
  else if (parts[2] == "dying") domain.state = broker::DomainState::dying;
  else return malformed();
  return domain;
}

}  // namespace

asio::awaitable<Result<broker::VmConfig>> SandboxToolstack::read_config(VmName vm, std::string file) {
  CO_TRY(auto spec, read_domain_spec(file));
  broker::VmConfig config{.name = vm, .uuid = spec.uuid, .file = file, .disks = std::move(spec.disks)};
  for (const auto& vif : spec.vifs) config.vifs.push_back({.index = vif.index, .mac = vif.mac, .bridge = vif.bridge, .backend = vif.backend});
  co_return config;
}

asio::awaitable<Result<std::vector<broker::Domain>>> SandboxToolstack::list_domains() {
  std::vector<broker::Domain> domains;
  while (true) {
    ControlMessage request("list");
    if (!domains.empty()) request.set("after", std::to_string(domains.back().id.value));
    CO_TRY(const auto reply, co_await ask_control(layout_.control_socket(), std::move(request)));
    for (const std::string& text : reply.get_list("domain")) {
      CO_TRY(auto domain, parse_domain(text));
      domains.push_back(std::move(domain));
    }
    if (reply.get("more") != "yes") co_return domains;
  }
}

asio::awaitable<Result<std::optional<broker::Domain>>> SandboxToolstack::find(Uuid uuid) {
  CO_TRY(const auto domains, co_await list_domains());
  for (const broker::Domain& domain : domains) {
    if (domain.uuid == uuid) co_return std::optional<broker::Domain>(domain);
  }
  co_return std::optional<broker::Domain>();
}

asio::awaitable<Result<DomainId>> SandboxToolstack::start_paused(broker::CloneDomain domain) {
  CO_TRY(const auto built, co_await find(domain.uuid));  // a pretended domain is built at one stroke
  if (built) co_return built->id;
  co_return co_await create(std::move(domain), std::nullopt);
}

asio::awaitable<Result<DomainId>> SandboxToolstack::restore_paused(broker::CloneDomain domain, std::string image_file) {
  CO_TRY(const auto built, co_await find(domain.uuid));
  if (built) co_return built->id;
  CO_TRY(const DomainId original, read_pretended_image(image_file));
  co_return co_await create(std::move(domain), original);
}

asio::awaitable<Result<DomainId>> SandboxToolstack::create(broker::CloneDomain domain, std::optional<DomainId> memory_of) {
  ControlMessage request("create");
  request.set("vm_file", domain.original_file);
  if (memory_of) request.set("memory_of", std::to_string(memory_of->value));
  request.set("name", domain.name);
  request.set("uuid", domain.uuid.text());
  std::vector<std::string> disks;
  for (const auto& disk : domain.disks) disks.push_back(disk_text(disk));
  request.set_list("disk", disks);
  std::vector<std::string> vifs;
  for (const auto& vif : domain.vifs) vifs.push_back(std::to_string(vif.index) + " " + vif_text(vif));
  request.set_list("vif", vifs);
  CO_TRY(const auto reply, co_await ask_control(layout_.control_socket(), std::move(request)));
  co_return domain_of(reply);
}

asio::awaitable<Result<DomainId>> SandboxToolstack::start_original_paused(VmName vm, std::string file) {
  CO_TRY(const auto spec, read_domain_spec(file));
  if (spec.name != vm.text())
    co_return fail(Errc::configuration, "cannot start '" + vm.text() + "': '" + printable(file) + "' is the file of '" + spec.name + "'", printable(file));
  CO_TRY(const auto built, co_await find(spec.uuid));
  if (built) co_return built->id;
  co_return co_await start_original(std::move(file));
}

asio::awaitable<Result<DomainId>> SandboxToolstack::start_original(std::string file) {
  ControlMessage request("create");
  request.set("vm_file", std::move(file));
  CO_TRY(const auto reply, co_await ask_control(layout_.control_socket(), std::move(request)));
  co_return domain_of(reply);
}

asio::awaitable<Result<void>> SandboxToolstack::command(std::string name, DomainId domain) {
  ControlMessage request(std::move(name));
  request.set("domain", std::to_string(domain.value));
  CO_TRY(co_await ask_control(layout_.control_socket(), std::move(request)));
  co_return outcome::success();
}

asio::awaitable<Result<void>> SandboxToolstack::pause(DomainId domain) { return command("pause", domain); }

asio::awaitable<Result<void>> SandboxToolstack::unpause(DomainId domain) { return command("unpause", domain); }

asio::awaitable<Result<void>> SandboxToolstack::shut_down(DomainId domain, Deadline limit) {
  CO_TRY(co_await command("shutdown", domain));
  ControlMessage request("wait-gone");
  request.set("domain", std::to_string(domain.value));
  const auto gone = co_await ask_control(layout_.control_socket(), std::move(request), limit);
  if (gone || gone.error().code == Errc::not_found) co_return outcome::success();
  co_return with_context(gone.error(), "cannot shut down domain " + std::to_string(domain.value));
}

asio::awaitable<Result<void>> SandboxToolstack::end(Uuid uuid) {
  CO_TRY(const auto found, co_await find(uuid));
  if (!found) co_return outcome::success();
  co_return co_await destroy(found->id);
}

asio::awaitable<Result<void>> SandboxToolstack::destroy(DomainId domain) {
  const auto destroyed = co_await command("destroy", domain);
  if (!destroyed && destroyed.error().code == Errc::not_found) co_return outcome::success();
  co_return destroyed;
}

asio::awaitable<Result<void>> SandboxToolstack::switch_layer(DomainId domain, broker::VmDisk disk) {
  ControlMessage request("switch-layer");
  request.set("domain", std::to_string(domain.value));
  request.set("device", disk.device);
  CO_TRY(co_await ask_control(layout_.control_socket(), std::move(request)));
  co_return outcome::success();
}

asio::awaitable<Result<void>> SandboxToolstack::wait_ready(DomainId domain, Deadline limit) {
  ControlMessage request("wait-ready");
  request.set("domain", std::to_string(domain.value));
  CO_TRY(co_await ask_control(layout_.control_socket(), std::move(request), limit));
  co_return outcome::success();
}

asio::awaitable<Result<void>> SandboxToolstack::wait_connected(DomainId domain, Deadline limit) {
  ControlMessage request("wait-connected");
  request.set("domain", std::to_string(domain.value));
  CO_TRY(co_await ask_control(layout_.control_socket(), std::move(request), limit));
  co_return outcome::success();
}

}  // namespace zynclone::sandbox
