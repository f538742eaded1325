#include "tests/support/fake_toolstack.hpp"

#include <algorithm>

namespace zynclone::tests {

using broker::Domain;
using broker::DomainState;

broker::Domain& FakeToolstack::run(broker::VmConfig config) {
  Domain domain{.id = DomainId{next_id_++}, .uuid = config.uuid.value(), .name = config.name.text()};
  configs.insert_or_assign(config.name, std::move(config));
  return domains.emplace_back(std::move(domain));
}

broker::Domain* FakeToolstack::find(const std::string& name) {
  const auto found = std::find_if(domains.begin(), domains.end(), [&](const Domain& domain) { return domain.name == name; });
  return found == domains.end() ? nullptr : &*found;
}

asio::awaitable<Result<broker::VmConfig>> FakeToolstack::read_config(VmName vm, std::string file) {
  const auto found = configs.find(vm);
  if (found == configs.end()) co_return fail(Errc::configuration, "cannot read '" + file + "': no such file");
  co_return found->second;
}

asio::awaitable<Result<std::vector<Domain>>> FakeToolstack::list_domains() { co_return domains; }

asio::awaitable<Result<DomainId>> FakeToolstack::start_paused(broker::CloneDomain domain) { return build("start_paused", std::move(domain)); }

asio::awaitable<Result<DomainId>> FakeToolstack::restore_paused(broker::CloneDomain domain, std::string image_file) {
  restored.push_back(std::move(image_file));
  return build("restore_paused", std::move(domain));
}

asio::awaitable<Result<DomainId>> FakeToolstack::build(std::string verb, broker::CloneDomain domain) {
  const std::string call = verb + ' ' + domain.name;
  calls.push_back(call);
  if (fails) {
    if (auto error = fails(call)) co_return outcome::failure(std::move(*error));
  }
  for (const Domain& built : domains) {
    if (built.uuid == domain.uuid) co_return built.id;
  }
  domains.push_back(Domain{.id = DomainId{next_id_++}, .uuid = domain.uuid, .name = domain.name, .state = DomainState::paused});
  started.push_back(std::move(domain));
  co_return domains.back().id;
}

asio::awaitable<Result<DomainId>> FakeToolstack::start_original_paused(VmName vm, std::string file) {
  const std::string call = "start_original_paused " + vm.text();
  calls.push_back(call);
  if (fails) {
    if (auto error = fails(call)) co_return outcome::failure(std::move(*error));
  }
  CO_TRY(const broker::VmConfig config, co_await read_config(vm, file));
  if (!config.uuid) co_return fail(Errc::configuration, "cannot start '" + vm.text() + "': '" + file + "' has no UUID");
  for (const Domain& built : domains) {
    if (built.uuid == *config.uuid) co_return built.id;
  }
  domains.push_back(Domain{.id = DomainId{next_id_++}, .uuid = *config.uuid, .name = vm.text(), .state = DomainState::paused});
  co_return domains.back().id;
}

Result<Domain*> FakeToolstack::begin(std::string verb, DomainId id) {
  const auto found = std::find_if(domains.begin(), domains.end(), [&](const Domain& domain) { return domain.id == id; });
  if (found == domains.end()) return fail(Errc::xen, "cannot " + verb + " domain " + std::to_string(id.value) + ": no such domain");
  calls.push_back(verb + ' ' + found->name);
  if (fails) {
    if (auto error = fails(calls.back())) return outcome::failure(std::move(*error));
  }
  return &*found;
}

asio::awaitable<Result<void>> FakeToolstack::pause(DomainId id) {
  CO_TRY(Domain* domain, begin("pause", id));
  domain->state = DomainState::paused;
  co_return outcome::success();
}

asio::awaitable<Result<void>> FakeToolstack::unpause(DomainId id) {
  CO_TRY(Domain* domain, begin("unpause", id));
  domain->state = DomainState::running;
  co_return outcome::success();
}

asio::awaitable<Result<void>> FakeToolstack::shut_down(DomainId id, Deadline) {
  CO_TRY(Domain* domain, begin("shut_down", id));
  if (guests_reboot) domain->id = DomainId{next_id_++};
  else std::erase_if(domains, [&](const Domain& other) { return other.id == id; });
  co_return outcome::success();
}

asio::awaitable<Result<void>> FakeToolstack::end(Uuid uuid) {
  const auto found = std::find_if(domains.begin(), domains.end(), [&](const Domain& domain) { return domain.uuid == uuid; });
  if (found == domains.end()) co_return outcome::success();
  CO_TRY(begin("end", found->id));
  domains.erase(found);
  co_return outcome::success();
}

asio::awaitable<Result<void>> FakeToolstack::switch_layer(DomainId id, broker::VmDisk disk) {
  CO_TRY(begin("switch_layer " + disk.device, id));
  co_return outcome::success();
}

}  // namespace zynclone::tests
