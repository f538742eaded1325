#include "host-broker/core/views_for_guest.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "host-broker/core/records.hpp"

namespace zynclone::broker {
namespace {

// Of what the engine adds to an error.
constexpr std::array<std::string_view, 2> k_useful{k_ask_again, k_not_all_undone};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// May stand in a path as it is written in a text. Bytes of other letters than ASCII's count: file names have them.
bool is_of_path(char c) {
  constexpr std::string_view k_others = "/._+@%~-#:";
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80 || k_others.find(c) != std::string_view::npos;
}

// A JSON pointer into the request: the requester's own.
bool is_in_request(std::string_view place) {
  return place.starts_with("/params") || place == "/method" || place == "/id";
}

std::string_view last_name(std::string_view path) {
  while (path.ends_with('/') || path.ends_with(':')) path.remove_suffix(1);
  path.remove_prefix(path.rfind('/') + 1);
  // /local/domain/5, or a file's descriptor: a number says what a path's name would not.
  const bool is_number = std::all_of(path.begin(), path.end(), is_digit);
  return is_number ? std::string_view("…") : path;
}

std::string without_paths(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && is_of_path(text[end])) ++end;
    const std::string_view word = text.substr(at, end - at);
    const bool is_path = word.find('/') != std::string_view::npos && !is_in_request(word);
    result += is_path ? last_name(word) : word;
    if (is_path && word.ends_with(':')) result += ':';
    if (end < text.size()) result += text[end++];
    at = end;
  }
  return result;
}

bool begins_word(const std::string& text, std::size_t at) { return at == 0 || std::isalnum(static_cast<unsigned char>(text[at - 1])) == 0; }

// Where the number at `at` ends, if one stands there, after what may stand between the word and it: "domain 5", "domid=5".
std::size_t number_after(const std::string& text, std::size_t at) {
  constexpr std::string_view k_between = " =:#'\"";
  std::size_t begin = at;
  while (begin < text.size() && begin < at + 3 && k_between.find(text[begin]) != std::string_view::npos) ++begin;
  std::size_t end = begin;
  while (end < text.size() && is_digit(text[end])) ++end;
  const bool is_number = end > begin && (end == text.size() || std::isalpha(static_cast<unsigned char>(text[end])) == 0);
  return is_number ? end : at;
}

std::string without_domains(std::string text) {
  constexpr std::array<std::string_view, 3> k_words{"domains", "domain", "domid"};
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    for (const std::string_view word : k_words) {
      if (!begins_word(lower, at) || lower.compare(at, word.size(), word) != 0) continue;
      end = number_after(lower, at + word.size());
      if (end != at + word.size()) break;
      end = at;
    }
    if (end == at) {
      result += text[at++];
      continue;
    }
    result += "a domain";
    at = end;
  }
  return result;
}

std::string_view host_sentence(Errc code) {
  switch (code) {
    case Errc::no_space: return "cannot do this: the host has not room enough for it";
    case Errc::configuration:
      return "cannot serve this VM: its configuration on the host has a mistake, which the administrator finds with 'vmclone config check'";
    case Errc::storage: return "cannot do this: the host's storage failed, and the administrator sees why";
    case Errc::xen: return "cannot do this: the host's hypervisor failed, and the administrator sees why";
    case Errc::timed_out: return "cannot do this: the host did not end it in time, and the administrator sees why";
    default: return "cannot do this: the host failed, and the administrator sees why";
  }
}

}  // namespace

bool is_of_host(Errc code) {
  switch (code) {
    case Errc::unknown_method:
    case Errc::invalid_argument:
    case Errc::refused:
    case Errc::not_found:
    case Errc::already_exists:
    case Errc::conflict:
    case Errc::limit_exceeded:
    case Errc::rate_limited:
    case Errc::moved:
    case Errc::denied:
    case Errc::expired:
    case Errc::cancelled: return false;
    // A guest's own malformed messages are answered before they get here.
    case Errc::malformed:
    case Errc::too_large:
    case Errc::unsupported_version:
    case Errc::busy:
    case Errc::no_space:
    case Errc::timed_out:
    case Errc::unavailable:
    case Errc::configuration:
    case Errc::storage:
    case Errc::xen:
    case Errc::system:
    case Errc::internal: return true;
  }
  return true;
}

Error for_guest(Error error) {
  if (error.code == Errc::refused) return Error{Errc::refused, "refused"};
  if (!is_of_host(error.code)) {
    // An administrator's reason is for the requester as it was written.
    if (error.code != Errc::denied) error.message = for_guest(std::string_view(error.message));
    if (!is_in_request(error.place)) error.place.clear();
    return error;
  }
  std::string message(host_sentence(error.code));
  for (const std::string_view useful : k_useful) {
    if (error.message.find(useful) != std::string::npos) message += "; " + std::string(useful);
  }
  return Error{error.code, std::move(message)};
}

std::string for_guest(std::string_view text) { return without_domains(without_paths(text)); }

}  // namespace zynclone::broker
