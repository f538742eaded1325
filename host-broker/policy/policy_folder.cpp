#include "host-broker/policy/policy_folder.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <sys/stat.h>

#include "system/file.hpp"
#include "system/trusted_file.hpp"

namespace zynclone::broker::policy {
namespace {

// Kernels stamp files with the time of the last timer tick, so two changes within it look alike; the margin is generous.
constexpr std::int64_t k_settling_time = 2'000'000'000;  // ns

std::int64_t nanoseconds(const timespec& time) { return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec; }

std::int64_t wall_clock() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return nanoseconds(now);
}

bool is_policy_name(std::string_view name) {
  return name.size() > std::strlen("NN-.policy") && std::isdigit(static_cast<unsigned char>(name[0])) != 0 &&
         std::isdigit(static_cast<unsigned char>(name[1])) != 0 && name[2] == '-';
}

// The folder's *.policy files; others (a README, an editor's or dpkg's leftovers) do not count.
Result<std::vector<std::string>> policy_files(const std::filesystem::path& folder) {
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) {
    return fail(Errc::configuration, "cannot read policy folder '" + folder.string() + "': " + std::strerror(errno), folder.string());
  }
  TRY(check_trusted(folder, status));
  TRY(auto names, list_files(folder));
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(".policy"); });
  return names;
}

}  // namespace

RuleSet read_policy_folder(const std::filesystem::path& folder) {
  auto names = policy_files(folder);
  if (!names) return RuleSet::broken({names.error()});
  std::vector<PolicyText> files;
  std::vector<Error> errors;
  for (const std::string& name : names.value()) {
    const std::filesystem::path path = folder / name;
    auto text = read_trusted_file(path, k_longest_policy_file);
    if (!is_policy_name(name)) {
      errors.push_back({Errc::configuration, "cannot use policy file '" + printable(name) + "': its name must be NN-name.policy, such as 10-" +
                                                 printable(name), path.string()});
    } else if (!text) {
      errors.push_back(text.error());
    } else {
      files.push_back({path.string(), std::move(text.value())});
    }
  }
  RuleSet rules = RuleSet::parse(files);
  if (errors.empty()) return rules;
  errors.insert(errors.end(), rules.errors().begin(), rules.errors().end());
  return RuleSet::broken(std::move(errors));
}

std::vector<PolicyFolder::Stamp> PolicyFolder::stamp_files() const {
  std::vector<Stamp> stamps;
  const auto add = [&](const std::string& name, const std::filesystem::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return;
    stamps.push_back({name, status.st_ino, status.st_size, nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)});
  };
  add("", folder_);
  if (auto names = policy_files(folder_)) {
    for (const std::string& name : names.value()) add(name, folder_ / name);
  }
  return stamps;
}

const RuleSet& PolicyFolder::current() {
  std::vector<Stamp> stamps = stamp_files();
  if (settled_ && stamps == stamps_) return rules_;
  const std::int64_t now = wall_clock();
  settled_ = !stamps.empty() && std::all_of(stamps.begin(), stamps.end(), [&](const Stamp& stamp) {
    return std::max(stamp.modified, stamp.changed) + k_settling_time < now;
  });
  stamps_ = std::move(stamps);
  rules_ = read_policy_folder(folder_);
  return rules_;
}

Verdict PolicyFolder::decide(std::string_view operation, const VmName& vm, Timestamp now) {
  const Ruling ruling = current().evaluate(operation, vm, to_local_time(now));
  return {.decision = ruling.decision,
          .place = ruling.place,
          .clones = ruling.options.clones,
          .rate = ruling.options.rate,
          .approvers = ruling.options.approvers.value_or(1),
          .timeout = ruling.options.timeout.value_or(approval_timeout_)};
}

}  // namespace zynclone::broker::policy
