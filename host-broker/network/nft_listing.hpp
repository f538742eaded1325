#pragma once
// What nft lists, in a form that can be compared: words with one space between them, and the elements of each set in order, for
// the kernel gives them in the order of its hash table and nft breaks the lines as it likes.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zynclone::broker::network {

class NftListing {
 public:
  // None when braces or quotes do not match, or a set is there twice.
  static std::optional<NftListing> parse(std::string_view untrusted_text);

  // Of a named set or map, sorted, each with single spaces: `"vif7.0" : goto from_locked`. No such set: empty.
  const std::vector<std::string>& elements(std::string_view set) const;
  // Are these words, separated by single spaces, in it one after the other (outside the elements of named sets)?
  bool has(std::string_view words) const { return words_.find(" " + std::string(words) + " ") != std::string::npos; }

  friend bool operator==(const NftListing&, const NftListing&) = default;

 private:
  std::string words_ = " ";
  std::map<std::string, std::vector<std::string>, std::less<>> elements_;
};

// `"name"<separator>value` as name, without its quotes, and value.
std::pair<std::string, std::string> split_element(std::string_view element, std::string_view separator);

}  // namespace zynclone::broker::network
