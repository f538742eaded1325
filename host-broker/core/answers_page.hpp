#pragma once
// One page of a list: as many entries as fit a message, with room for the rest of it. The limits are those of protocol/limits.hpp, by which
// the other side reads it. Internal to answers.cpp.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "protocol/codec.hpp"

namespace zynclone::broker {

template <class View>
class Page {
 public:
  explicit Page(std::vector<View>& entries, std::size_t most = protocol::k_most_list_entries) : entries_(entries), most_(most) {}

  // False when the page is full without it. The first entry always fits, so that a list goes on whatever is in it.
  bool add(View view) {
    if (entries_.size() >= most_) return false;
    const std::string text = protocol::encode_view(view);
    const std::size_t bytes = bytes_ + text.size();
    const std::size_t values = values_ + values_at_most(text);
    const bool fits = bytes <= protocol::k_longest_message * 3 / 4 && values <= protocol::k_most_json_values * 3 / 4;
    if (!fits && !entries_.empty()) return false;
    bytes_ = bytes;
    values_ = values;
    entries_.push_back(std::move(view));
    return true;
  }

 private:
  // Each value but the first follows one of these; within texts they count too, which does no harm.
  static std::size_t values_at_most(const std::string& text) {
    return 1 + static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return c == ',' || c == '[' || c == '{'; }));
  }

  std::vector<View>& entries_;
  std::size_t most_;
  std::size_t bytes_ = 0;
  std::size_t values_ = 0;
};

}  // namespace zynclone::broker
