#pragma once
// The policy in force: /etc/zynclone/policy.d/NN-name.policy in the order of their names, read again whenever a file there changed.
// A few stat calls for each request: less than a watch that could be lost. One thread.

#include <filesystem>

#include "host-broker/policy/rule_set.hpp"

namespace zynclone::broker::policy {

class PolicyFolder : public broker::Policy {
 public:
  explicit PolicyFolder(std::filesystem::path folder, std::chrono::milliseconds approval_timeout = std::chrono::minutes(15))
      : folder_(std::move(folder)), approval_timeout_(approval_timeout) {}

  Verdict decide(std::string_view operation, const VmName& vm, Timestamp now) override;

  // As it is now; valid until the next call. A folder or file that cannot be read, that others than root (or this user) may write, or a
  // *.policy file that is not called NN-name.policy gives rules with that error, which deny all.
  const RuleSet& current();

 private:
  // What changes when a file's content does.
  struct Stamp {
    std::string name;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified = 0;  // ns since 1970, as `changed`
    std::int64_t changed = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  std::vector<Stamp> stamp_files() const;

  std::filesystem::path folder_;
  std::chrono::milliseconds approval_timeout_;
  std::vector<Stamp> stamps_;
  bool settled_ = false;  // no file changed so shortly before it was read that a further change could have the same stamp
  RuleSet rules_;
};

// Reads the folder once, with the rules above; for `vmclone policy check`.
RuleSet read_policy_folder(const std::filesystem::path& folder);

}  // namespace zynclone::broker::policy
