#pragma once
// A host as the monitors see it: the sandbox's XenStore with domains in it, a folder with families' files, and the monitors
// themselves, called directly or as the real programs.

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include <csignal>
#include <map>
#include <memory>
#include <optional>

#include "host-broker/configuration/file_families.hpp"
#include "host-broker/network/pretended_filter.hpp"
#include "host-broker/xen/store/xenstore.hpp"
#include "tests/host-broker/sandbox/store/running_store.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker {

inline const Uuid k_original = Uuid::parse("11111111-1111-4111-8111-111111111111").value();
inline const Uuid k_clone = Uuid::parse("22222222-2222-4222-8222-222222222222").value();
inline const std::string k_original_mac = "00:16:3e:00:00:01";
inline const std::string k_clone_mac = "00:16:3e:00:00:02";

// pos1 with one interface, and, if asked for, its clone upgrade-1, whose interface is "zc1".
Family family_without_clones(std::uint64_t generation);
Family family_with_clone(std::uint64_t generation, protocol::CloneState state, VifMask original_mask, VifMask clone_mask);

// The same, its clone on the family's isolated network, and able to take the original's place on br0.
Family family_with_isolated_clone(std::uint64_t generation, protocol::CloneState state = protocol::CloneState::running);

// A program that runs until it is killed.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments);
  ~Program();
  Program(Program&& other) noexcept : process_(std::exchange(other.process_, -1)) {}
  Program& operator=(Program&& other) noexcept {
    if (process_ > 0) end(SIGKILL);
    process_ = std::exchange(other.process_, -1);
    return *this;
  }
  // Sends the signal and waits for its end; gives its exit status, or 128 + signal.
  int end(int signal);
  int wait();
  pid_t process() const { return process_; }

 private:
  pid_t process_ = -1;
};

class LockdownWorld {
 public:
  LockdownWorld();

  // As the toolstack does: with name and UUID; its home is the domain's to read.
  void add_domain(std::uint32_t id, const Uuid& uuid, const std::string& name);
  void remove_domain(std::uint32_t id);
  void add_vif(std::uint32_t backend, std::uint32_t domain, unsigned device, const std::string& mac, const std::string& renamed = "");

  void write(const std::string& path, const std::string& value);
  void remove(const std::string& path);
  std::optional<std::string> read(const std::string& path);
  std::vector<std::string> list(const std::string& path);
  // Waits for the node to have the value (none: to be gone); after ten seconds a failure of the test.
  void wait_for(const std::string& path, const std::optional<std::string>& value);
  // As on the wire: "n0 r5".
  std::string permissions(const std::string& path);

  // xenstored drops its connections, and takes new ones.
  void hiccup();

  void save(const Family& family);
  void remove_family(const std::string& vm);

  // The interface's rule in the pretended filter; none: it has none.
  std::optional<network::VifRule> rule(const std::string& interface);
  network::FilterState filter_state();

  Program start_clone_monitor(std::vector<std::string> more = {});
  Program start_net_monitor(std::vector<std::string> more = {});

  void use_domain(std::uint32_t id);  // whose connections are made from now on, also by programs that are started

  tests::TemporaryFolder folder;
  std::filesystem::path families_folder = folder / "clones";
  std::filesystem::path filter_file = folder / "filter";
  asio::io_context context{1};

 private:
  xenstore::Store open();
  std::unique_ptr<sandbox::RunningStore> store_;
};

std::string program_path(const std::string& name);

}  // namespace zynclone::broker
