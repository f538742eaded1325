#include "protocol/json.hpp"

#include <vector>

#include "protocol/limits.hpp"
#include "protocol/names.hpp"

namespace zynclone::protocol {
namespace {

// Builds the tree from the parser's events; the first event that breaks a limit stops the parser.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Json root;
  std::string cause;  // why it stopped
  std::size_t offset = 0;

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override {
    if (value.find('\0') != std::string::npos) return stop("a string holds a NUL");
    return add(std::move(value));
  }
  bool binary(binary_t&) override { return stop("binary value"); }

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (name.find('\0') != std::string::npos) return stop("a key holds a NUL");
    Json& object = *open_.back();
    if (object.contains(name)) return stop("key '" + printable(name.substr(0, 80)) + "' stands twice");
    if (object.size() >= k_most_json_keys) return stop("more than " + std::to_string(k_most_json_keys) + " keys in one object");
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    offset = position;
    return stop("not JSON in UTF-8 at byte " + std::to_string(position));
  }

 private:
  bool stop(std::string why) {
    if (cause.empty()) cause = std::move(why);
    return false;
  }

  Json* place(Json value) {
    if (++values_ > k_most_json_values) {
      stop("more than " + std::to_string(k_most_json_values) + " values");
      return nullptr;
    }
    if (open_.empty()) {
      root = std::move(value);
      return &root;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }

  bool add(Json value) { return place(std::move(value)) != nullptr; }

  bool open(Json empty) {
    if (open_.size() >= static_cast<std::size_t>(k_deepest_json)) {
      return stop("nested deeper than " + std::to_string(k_deepest_json));
    }
    Json* placed = place(std::move(empty));
    if (placed == nullptr) return false;
    // A parent is not added to while its child is open, so the pointer stays valid.
    open_.push_back(placed);
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::vector<Json*> open_;
  std::string key_;
  std::size_t values_ = 0;
};

}  // namespace

Result<Json> parse_json(std::string_view untrusted_text) {
  if (untrusted_text.size() > k_longest_message) {
    return fail(Errc::too_large, "cannot read a message of " + std::to_string(untrusted_text.size()) + " bytes: at most " +
                                     std::to_string(k_longest_message) + " are allowed");
  }
  Builder builder;
  if (!Json::sax_parse(untrusted_text.begin(), untrusted_text.end(), &builder)) {
    return fail(Errc::malformed, "cannot read the message: " + (builder.cause.empty() ? "not JSON" : builder.cause));
  }
  return std::move(builder.root);
}

std::string dump_json(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace zynclone::protocol
