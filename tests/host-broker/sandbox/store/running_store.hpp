#pragma once
// The sandbox's XenStore on sockets in a folder of its own, served by a thread, for tests with real clients.

#include <boost/asio/io_context.hpp>

#include <cstdlib>
#include <future>
#include <thread>

#include "host-broker/sandbox/store/server.hpp"

namespace zynclone::sandbox {

class RunningStore {
 public:
  RunningStore() : folder_(make_folder()), server_(context_.get_executor(), engine_, folder_) {
    started_ = server_.open(k_host_domain).has_value();
    thread_ = std::thread([this] { context_.run(); });
  }
  ~RunningStore() {
    stop();
    std::filesystem::remove_all(folder_);
  }
  RunningStore(const RunningStore&) = delete;
  RunningStore& operator=(const RunningStore&) = delete;

  bool started() const { return started_; }
  std::string socket_of(DomainId domain) const { return server_.socket_of(domain).string(); }
  const std::filesystem::path& folder() const { return folder_; }

  // Runs `work` on the store's own thread and gives what it gives.
  template <class Work>
  auto on_thread(Work work) {
    std::packaged_task<std::invoke_result_t<Work, StoreEngine&, StoreServer&>()> task([&] { return work(engine_, server_); });
    auto result = task.get_future();
    asio::post(context_, [&task] { task(); });
    return result.get();
  }

  // A guest with its home and, as libxl makes it, a node `data` of its own.
  void add_guest(DomainId domain) {
    on_thread([domain](StoreEngine& engine, StoreServer& server) {
      const std::string home = "/local/domain/" + std::to_string(domain.value);
      NodePermissions permissions;
      engine.add_domain(domain);
      permissions.entries = {{.domain = k_host_domain}, {.domain = domain, .access = k_may_read}};
      bool done = engine.write(home, "", permissions).has_value();
      permissions.entries = {{.domain = domain}};
      done = done && engine.write(home + "/data", "", permissions).has_value();
      engine.introduce(domain);
      return done && server.open(domain).has_value();
    });
  }

  // As if xenstored died: all clients are disconnected.
  void stop() {
    if (!thread_.joinable()) return;
    on_thread([](StoreEngine& engine, StoreServer& server) {
      for (std::uint32_t domain = 0; domain < 100; ++domain) server.close({domain});
      return engine.is_introduced(k_host_domain);
    });
    guard_.reset();
    context_.stop();
    thread_.join();
  }

 private:
  static std::filesystem::path make_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "zynclone-store-XXXXXX").string();
    return ::mkdtemp(name.data()) == nullptr ? std::filesystem::path() : std::filesystem::path(name);
  }

  std::filesystem::path folder_;
  StoreEngine engine_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_{context_.get_executor()};
  StoreServer server_;
  std::thread thread_;
  bool started_ = false;
};

}  // namespace zynclone::sandbox
