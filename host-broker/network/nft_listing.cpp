#include "host-broker/network/nft_listing.hpp"

#include <algorithm>

namespace zynclone::broker::network {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n'; }
bool is_mark(char c) { return c == '{' || c == '}' || c == ',' || c == ';'; }

// Words, quoted strings with their quotes, and the marks { } , each by itself; a semicolon is the end of a line, which does not count.
std::optional<std::vector<std::string>> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    std::size_t end = at + 1;
    if (c == '"') {
      end = text.find('"', at + 1);
      if (end == std::string_view::npos) return std::nullopt;
      ++end;
    } else if (!is_space(c) && !is_mark(c)) {
      while (end < text.size() && !is_space(text[end]) && !is_mark(text[end])) ++end;
    }
    if (!is_space(c) && c != ';') words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

}  // namespace

std::optional<NftListing> NftListing::parse(std::string_view untrusted_text) {
  const auto words = words_of(untrusted_text);
  if (!words) return std::nullopt;

  NftListing listing;
  std::string set;  // whose block this is
  for (std::size_t at = 0; at < words->size(); ++at) {
    const std::string& word = (*words)[at];
    if ((word == "set" || word == "map") && at + 1 < words->size()) set = (*words)[at + 1];
    if (word != "elements") {
      listing.words_ += word + " ";
      continue;
    }
    // elements = { a , b . c , d : goto e }
    std::vector<std::string> elements(1);
    for (at += 3; at < words->size() && (*words)[at] != "}"; ++at) {
      if ((*words)[at] == ",") {
        elements.emplace_back();
      } else {
        elements.back() += (elements.back().empty() ? "" : " ") + (*words)[at];
      }
    }
    if (at >= words->size()) return std::nullopt;
    std::sort(elements.begin(), elements.end());
    if (!listing.elements_.emplace(set, std::move(elements)).second) return std::nullopt;
  }
  return listing;
}

const std::vector<std::string>& NftListing::elements(std::string_view set) const {
  static const std::vector<std::string> none;
  const auto found = elements_.find(set);
  return found == elements_.end() ? none : found->second;
}

std::pair<std::string, std::string> split_element(std::string_view element, std::string_view separator) {
  const std::size_t at = element.find(separator);
  std::string_view name = element.substr(0, at);
  if (name.size() >= 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
  if (at == std::string_view::npos) return {std::string(name), ""};
  return {std::string(name), std::string(element.substr(at + separator.size()))};
}

}  // namespace zynclone::broker::network
