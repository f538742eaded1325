#include "host-broker/sandbox/store/path.hpp"

#include <algorithm>

extern "C" {
#include <xen/io/xs_wire.h>
}

namespace zynclone::sandbox {
namespace {

constexpr std::string_view k_domains = "/local/domain/";
constexpr std::size_t k_longest_domain_number = 5;

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

bool is_path_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || is_digit(letter) || letter == '-' ||
         letter == '/' || letter == '_' || letter == '@';
}

// Length of "/local/domain/<id>/" if the path begins so: it does not count, so that a relative path may be as long as an absolute one.
std::size_t home_length(std::string_view path) {
  if (!path.starts_with(k_domains)) return 0;
  std::size_t at = k_domains.size();
  while (at < path.size() && at < k_domains.size() + k_longest_domain_number && is_digit(path[at])) ++at;
  return at > k_domains.size() && at < path.size() && path[at] == '/' ? at + 1 : 0;
}

}  // namespace

std::string home_of(DomainId domain) { return std::string(k_domains) + std::to_string(domain.value); }

std::string absolute_path(DomainId domain, std::string_view untrusted_path) {
  if (untrusted_path.starts_with('/') || untrusted_path.starts_with('@')) return std::string(untrusted_path);
  return home_of(domain) + "/" + std::string(untrusted_path);
}

bool is_valid_path(std::string_view untrusted_path) {
  if (!untrusted_path.starts_with('/')) return false;
  if (untrusted_path.ends_with('/') && untrusted_path.size() > 1) return false;
  if (untrusted_path.find("//") != std::string_view::npos) return false;
  if (untrusted_path.size() > home_length(untrusted_path) + XENSTORE_REL_PATH_MAX) return false;
  return std::all_of(untrusted_path.begin(), untrusted_path.end(), is_path_letter);
}

std::string parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string child_of(std::string_view parent, std::string_view name) {
  return (parent == "/" ? "" : std::string(parent)) + "/" + std::string(name);
}

bool is_at_or_below(std::string_view path, std::string_view ancestor) {
  if (ancestor == "/") return true;
  return path.starts_with(ancestor) && (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

}  // namespace zynclone::sandbox
