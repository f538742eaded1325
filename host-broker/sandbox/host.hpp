#pragma once
// The pretended host: XenStore, domains and services, and the commands on its control socket. One of it runs in a folder at a
// time; everything it started ends with it. One thread.

#include <memory>

#include "host-broker/sandbox/control_server.hpp"
#include "host-broker/sandbox/domains.hpp"
#include "host-broker/sandbox/services.hpp"
#include "system/descriptor.hpp"

namespace zynclone::sandbox {

class Host {
 public:
  // Prepares the folder and serves. Errors: conflict when a sandbox runs there already; system.
  static Result<std::unique_ptr<Host>> open(asio::any_io_executor executor, Layout layout);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  const Layout& layout() const { return layout_; }

  // Ends when `request_stop` is called or a client says "stop"; all services and domains are gone then.
  asio::awaitable<void> run();
  void request_stop();

 private:
  Host(asio::any_io_executor executor, Layout layout);
  Result<void> start(asio::any_io_executor executor);
  asio::awaitable<ControlMessage> handle(ControlMessage request);
  asio::awaitable<Result<ControlMessage>> dispatch(ControlMessage request);
  asio::awaitable<Result<ControlMessage>> domain_command(std::string command, DomainId domain, ControlMessage request);
  asio::awaitable<Result<ControlMessage>> start_service(ControlMessage request);
  asio::awaitable<Result<void>> detach_disk(DomainId domain, ControlMessage request);
  ControlMessage list_attachments(const ControlMessage& request) const;
  void copy_agent_state(DomainId from, DomainId to) const;
  Result<ControlMessage> create_domain(const ControlMessage& request);
  Result<ControlMessage> list_domains(const ControlMessage& request) const;
  ControlMessage list_services() const;

  Layout layout_;
  Descriptor lock_;
  StoreEngine engine_;
  StoreServer store_;
  Domains domains_;
  Services services_;
  std::unique_ptr<ControlServer> control_;
  asio::steady_timer stop_;
  bool stopping_ = false;
};

}  // namespace zynclone::sandbox
