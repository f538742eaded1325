#include "host-broker/sandbox/host.hpp"

#include <boost/asio/as_tuple.hpp>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "system/duration.hpp"
#include "system/log.hpp"

namespace zynclone::sandbox {
namespace {

constexpr std::chrono::minutes k_longest_detach{10};

ControlMessage done() {
  ControlMessage reply;
  reply.set("status", "ok");
  return reply;
}

std::string_view to_string(broker::DomainState state) {
  switch (state) {
    case broker::DomainState::running: return "running";
    case broker::DomainState::paused: return "paused";
    case broker::DomainState::shut_down: return "shut-down";
    case broker::DomainState::dying: return "dying";
  }
  return "dying";
}

// A domain that the request describes: by a VM's file alone, or with what a clone has of its own.
Result<DomainSpec> spec_of(const ControlMessage& request) {
  TRY(auto spec, read_domain_spec(request.get("vm_file")));
  if (!request.has("name")) return spec;
  TRY(spec.name, parse_checked_name(request.get("name"), "domain name", 127));
  TRY(spec.uuid, Uuid::parse(request.get("uuid")));
  spec.disks.clear();
  for (const std::string& text : request.get_list("disk")) {
    TRY(auto disk, parse_disk(text));
    spec.disks.push_back(std::move(disk));
  }
  spec.vifs.clear();
  for (const std::string& text : request.get_list("vif")) {
    const auto colon = text.find(' ');
    unsigned index = 0;
    std::from_chars(text.data(), text.data() + std::min(colon, text.size()), index);
    TRY(auto vif, parse_vif(colon == std::string::npos ? text : text.substr(colon + 1), index));
    spec.vifs.push_back(std::move(vif));
  }
  return spec;
}

}  // namespace

Host::Host(asio::any_io_executor executor, Layout layout)
    : layout_(std::move(layout)),
      store_(executor, engine_, layout_.stores()),
      domains_(executor, layout_, engine_, store_),
      services_(executor, layout_),
      stop_(executor, asio::steady_timer::time_point::max()) {}

Host::~Host() = default;

Result<std::unique_ptr<Host>> Host::open(asio::any_io_executor executor, Layout layout) {
  TRY(layout.prepare());
  std::unique_ptr<Host> host(new Host(executor, std::move(layout)));
  TRY(host->start(executor));
  return host;
}

Result<void> Host::start(asio::any_io_executor executor) {
  lock_ = Descriptor(::open(layout_.lock_file().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock_) return fail(Errc::system, "cannot open '" + layout_.lock_file().string() + "': " + std::strerror(errno));
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Errc::conflict, "cannot serve '" + layout_.folder().string() + "': a sandbox runs there already");

  // Domains and sockets of an earlier run are as gone as they would be after a reboot.
  for (const auto& folder : {layout_.stores(), layout_.channels(), layout_.folder() / "domains"}) {
    std::error_code error;
    std::filesystem::remove_all(folder, error);
  }
  TRY(layout_.prepare());

  // As libxl's xen-init-dom0 does it.
  const std::string home = "/local/domain/0";
  TRY(engine_.write(home + "/name", "Domain-0"));
  TRY(engine_.write(home + "/domid", "0"));
  TRY(engine_.write(home + "/vm", "/vm/00000000-0000-0000-0000-000000000000"));
  TRY(store_.open(k_host_domain));
  TRY(control_, ControlServer::open(executor, layout_.control_socket(), [this](ControlMessage request) { return handle(std::move(request)); }));
  return outcome::success();
}

void Host::request_stop() {
  stopping_ = true;
  stop_.cancel();
}

asio::awaitable<void> Host::run() {
  while (!stopping_) co_await stop_.async_wait(asio::as_tuple(asio::use_awaitable));
  log_info("the sandbox ends");
  co_await services_.stop_all();
  co_await domains_.destroy_all();
  control_.reset();
  store_.close(k_host_domain);
}

asio::awaitable<ControlMessage> Host::handle(ControlMessage request) {
  auto reply = co_await dispatch(std::move(request));
  co_return reply ? std::move(reply.value()) : ControlMessage::failure(reply.error());
}

asio::awaitable<Result<ControlMessage>> Host::dispatch(ControlMessage request) {
  const std::string command = request.get("command");
  if (command == "create") co_return create_domain(request);
  if (command == "list") co_return list_domains(request);
  if (command == "service-list") co_return list_services();
  if (command == "service-start") co_return co_await start_service(request);
  if (command == "service-stop") {
    CO_TRY(co_await services_.stop(request.get("name")));
    co_return done();
  }
  if (command == "stop") {
    request_stop();
    auto reply = done();
    reply.set("pid", std::to_string(::getpid()));
    co_return reply;
  }
  if (command == "list-attachments") co_return list_attachments(request);
  const auto domain = domains_.find(request.get("domain"));
  if (!domain) co_return fail(Errc::not_found, "cannot find domain '" + printable(request.get("domain")) + "': no such domain");
  co_return co_await domain_command(command, *domain, std::move(request));
}

asio::awaitable<Result<ControlMessage>> Host::domain_command(std::string command, DomainId domain, ControlMessage request) {
  if (command == "pause") {
    CO_TRY(domains_.pause(domain));
  } else if (command == "unpause") {
    CO_TRY(domains_.unpause(domain));
  } else if (command == "shutdown") {
    CO_TRY(domains_.ask_to_shut_down(domain));
  } else if (command == "switch-layer") {
    CO_TRY(domains_.switch_layer(domain, request.get("device")));
  } else if (command == "attach-disk") {
    CO_TRY(auto disk, parse_disk(request.get("disk")));
    CO_TRY(domains_.attach(domain, std::move(disk)));
  } else if (command == "detach-disk") {
    CO_TRY(co_await detach_disk(domain, std::move(request)));
  } else if (command == "destroy") {
    CO_TRY(co_await domains_.destroy(domain));
  } else if (command == "wait-gone") {
    CO_TRY(co_await domains_.wait_gone(domain));
  } else if (command == "wait-ready") {
    CO_TRY(co_await domains_.wait_ready(domain));
  } else if (command == "wait-connected") {
    CO_TRY(co_await domains_.wait_connected(domain));
  } else {
    co_return fail(Errc::unknown_method, "cannot do '" + printable(command) + "': no such command");
  }
  auto reply = done();
  reply.set("domain", std::to_string(domain.value));
  if (const auto agent = domains_.agent_of(domain)) reply.set("agent", std::to_string(*agent));
  co_return reply;
}

asio::awaitable<Result<void>> Host::detach_disk(DomainId domain, ControlMessage request) {
  const std::string how = request.get("how");
  if (how != "ask" && how != "force") co_return fail(Errc::invalid_argument, "cannot detach how '" + printable(how) + "': ask and force are allowed");
  CO_TRY(const auto limit, parse_duration(request.get("limit")));
  co_return co_await domains_.detach(domain, request.get("device"), request.get("path"), how == "force" ? broker::Detach::force : broker::Detach::ask,
                                     std::min<Deadline>(limit, k_longest_detach));
}

// Each "number,device"; more than one reply holds has no disk.
ControlMessage Host::list_attachments(const ControlMessage& request) const {
  std::vector<std::string> lines;
  for (const broker::Attachment& attachment : domains_.attachments_of(request.get("path"))) {
    if (lines.size() == k_most_listed) break;
    lines.push_back(std::to_string(attachment.domain.value) + "," + attachment.device);
  }
  auto reply = done();
  reply.set_list("attachment", lines);
  return reply;
}

Result<ControlMessage> Host::create_domain(const ControlMessage& request) {
  if (stopping_) return fail(Errc::unavailable, "cannot create a domain: the sandbox ends");
  TRY(auto spec, spec_of(request));
  const std::string vm = std::filesystem::path(request.get("vm_file")).stem().string();
  TRY(const DomainId domain, domains_.create(std::move(spec), vm));
  if (const auto original = domains_.find(request.get("memory_of"))) copy_agent_state(*original, domain);
  auto reply = done();
  reply.set("domain", std::to_string(domain.value));
  return reply;
}

// What stands for a copied memory: the agent finds what it kept while it was the original's. One that kept nothing is no error.
void Host::copy_agent_state(DomainId from, DomainId to) const {
  std::error_code error;
  std::filesystem::copy(layout_.domain(from) / "state", layout_.domain(to) / "state",
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing, error);
  if (error) log_warning("cannot copy the agent's state of domain " + std::to_string(from.value) + ": " + error.message());
}

// A page of domains with numbers above `after`, each "number,uuid,state,name"; `more` says that there are further ones.
Result<ControlMessage> Host::list_domains(const ControlMessage& request) const {
  std::uint32_t after = 0;
  const std::string text = request.get("after");
  std::from_chars(text.data(), text.data() + text.size(), after);
  std::vector<std::string> lines;
  auto reply = done();
  for (const broker::Domain& domain : domains_.list()) {
    if (domain.id.value <= after) continue;
    if (lines.size() == k_most_listed) {
      reply.set("more", "yes");
      break;
    }
    lines.push_back(std::to_string(domain.id.value) + "," + domain.uuid.text() + "," + std::string(to_string(domain.state)) + "," + domain.name);
  }
  reply.set_list("domain", lines);
  return reply;
}

asio::awaitable<Result<ControlMessage>> Host::start_service(ControlMessage request) {
  std::map<std::string, std::string> environment;
  for (const std::string& assignment : request.get_list("environment")) {
    const auto equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0)
      co_return fail(Errc::invalid_argument, "cannot set '" + printable(assignment) + "': NAME=value is allowed");
    environment[assignment.substr(0, equals)] = assignment.substr(equals + 1);
  }
  CO_TRY(co_await services_.start(request.get("name"), request.get_list("argument"), std::move(environment)));
  co_return done();
}

ControlMessage Host::list_services() const {
  std::vector<std::string> lines;
  for (const ServiceState& service : services_.list())
    lines.push_back(service.name + "," + (service.pid ? std::to_string(*service.pid) : "none") + "," +
                    (service.ready ? "ready" : "not-ready") + "," + std::to_string(service.restarts));
  auto reply = done();
  reply.set_list("service", lines);
  return reply;
}

}  // namespace zynclone::sandbox
