#include "host-broker/configuration/family_json.hpp"

#include <charconv>
#include <set>

#include "host-broker/configuration/json_text.hpp"
#include "host-broker/configuration/setting_values.hpp"
#include "protocol/codec.hpp"

namespace zynclone::broker::configuration {
namespace {

using protocol::CloneNetwork;

// ---- leaves: a value as one JSON text or number, and back; reading fails with what is wrong ----------------------------------------

template <class Tag>
std::string leaf_text(const CheckedName<Tag>& value) { return value.text(); }
std::string leaf_text(const Uuid& value) { return value.text(); }
std::string leaf_text(const std::string& value) { return value; }
std::string leaf_text(Timestamp value) { return to_rfc3339(value); }
std::string leaf_text(VifMask value) { return mask_text(value); }
std::string leaf_text(VolumeFormat value) { return std::string(to_string(value)); }
template <class Word>
  requires std::is_enum_v<Word>
std::string leaf_text(Word value) { return std::string(protocol::to_string(value)); }

template <class Tag>
Result<void> read_leaf(const std::string& text, CheckedName<Tag>& value) { return store(CheckedName<Tag>::parse(text), value); }
Result<void> read_leaf(const std::string& text, Uuid& value) { return store(Uuid::parse(text), value); }
Result<void> read_leaf(const std::string& text, std::string& value) { value = text; return outcome::success(); }
Result<void> read_leaf(const std::string& text, Timestamp& value) { return store(parse_rfc3339(text), value); }
Result<void> read_leaf(const std::string& text, VifMask& value) { return store(read_mask(text), value); }
Result<void> read_leaf(const std::string& text, VolumeFormat& value) { return store(parse_volume_format(text), value); }
template <class Word>
  requires std::is_enum_v<Word>
Result<void> read_leaf(const std::string& text, Word& value) {
  auto word = read_word<Word>(text);
  if (!word) return fail(word.error().code, "cannot use '" + printable(text) + "': " + word.error().message);
  return store(std::move(word), value);
}

template <class T>
concept Leaf = requires(const T& value) { leaf_text(value); };

template <class T>
constexpr bool is_optional = false;
template <class T>
constexpr bool is_optional<std::optional<T>> = true;

// What need not be written, because a file that says nothing means it.
bool is_default(bool value) { return !value; }
bool is_default(CloneNetwork value) { return value == CloneNetwork::original; }
bool is_default(const Uuid& value) { return value == Uuid(); }
bool is_default(const std::vector<std::string>& list) { return list.empty(); }
bool is_default(const Production& value) { return value.generation == 0 && !value.member && value.announce.empty(); }

// ---- the description, for both ways ------------------------------------------------------------------------------------------------

template <class A> void describe(A& a, Volume& v) { a.field("format", v.format); a.field("path", v.path); }
template <class A> void describe(A& a, VifAllowance& v) { a.field("mode", v.mode); a.field("ipv4", v.ipv4); a.field("ipv6", v.ipv6); }

template <class A>
void describe(A& a, CloneDisk& v) {
  a.field("device", v.device);
  a.field("source", v.source);
  a.field("volume", v.volume);
  a.field("snapshot_name", v.snapshot_name);
  a.field("size", v.size);
  a.field("writable", v.writable);
}

template <class A>
void describe(A& a, CloneVif& v) {
  a.field("index", v.index);
  a.field("mac", v.mac);
  a.field("bridge", v.bridge);
  a.field("backend", v.backend);
  a.field("interface", v.interface);
}

template <class A>
void describe(A& a, Clone& v) {
  a.field("name", v.name);
  a.field("uuid", v.uuid);
  a.field("made_by", v.made_by);
  a.field("state", v.state);
  a.field("mode", v.mode);
  a.field("consistency", v.consistency);
  a.field("created", v.created);
  a.field("note", v.note);
  a.field("original_mask", v.original_mask);
  a.field("clone_mask", v.clone_mask);
  a.field("original_allowance", v.original_allowance);
  a.field("clone_allowance", v.clone_allowance);
  a.field("disks", v.disks);
  a.field("vifs", v.vifs);
  a.field_or_default("network", v.network);
  a.field_or_default("generation_id", v.generation_id);
  a.field_or_default("awaits_identity", v.awaits_identity);
  a.field("domain", v.domain);
  a.field("expires", v.expires);
  a.field_or_default("is_protected", v.is_protected);
}

template <class A>
void describe(A& a, Production& v) {
  a.field("member", v.member);
  a.field("generation", v.generation);
  a.field_or_default("announce", v.announce);
}

template <class A>
void describe(A& a, Probation& v) {
  a.field("from", v.from);
  a.field("to", v.to);
  a.field("began", v.began);
  a.field("ends", v.ends);
  a.field("after", v.after);
  a.field("operation", v.operation);
}

template <class A>
void describe(A& a, Family& v) {
  a.field("vm", v.vm);
  a.field("uuid", v.uuid);
  a.field("generation", v.generation.value);
  a.field("vifs", v.vifs);
  a.field("clones", v.clones);
  a.field_or_default("production", v.production);
  a.field("probation", v.probation);
}

// ---- writing -------------------------------------------------------------------------------------------------------------------------

class Writer {
 public:
  template <class T>
  void field(std::string_view name, T& value) {
    if constexpr (is_optional<T>) {
      if (value) field(name, *value);
    } else if constexpr (std::is_same_v<T, DomainId>) {
      field(name, value.value);
    } else {
      text_ += separator_ + indent_ + json_quoted(name) + ": ";
      separator_ = ",\n";
      write(value);
    }
  }

  template <class T>
  void field_or_default(std::string_view name, T& value) {
    if (!is_default(value)) field(name, value);
  }

  template <class T>
  void object(T& value, std::string_view before = {}) {
    text_ += "{\n";
    const std::string outer = std::exchange(indent_, indent_ + "  ");
    separator_ = before.empty() ? "" : indent_ + std::string(before) + ",\n";
    describe(*this, value);
    indent_ = outer;
    text_ += "\n" + indent_ + "}";
    separator_ = ",\n";
  }

  std::string take() { return std::move(text_) + "\n"; }

 private:
  template <class T>
  void write(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      text_ += value ? "true" : "false";
    } else if constexpr (std::is_integral_v<T>) {
      text_ += std::to_string(value);
    } else if constexpr (Leaf<T>) {
      text_ += json_quoted(leaf_text(value));
    } else {
      object(value);
    }
  }

  template <class T>
  void write(std::vector<T>& list) {
    text_ += "[";
    for (T& element : list) {
      if (&element != &list.front()) text_ += ", ";
      write(element);
    }
    text_ += "]";
    separator_ = ",\n";
  }

  std::string text_;
  std::string indent_;
  std::string separator_;
};

// ---- reading -------------------------------------------------------------------------------------------------------------------------

// Of one object; the first mistake counts and ends the reading.
class ObjectReader {
 public:
  ObjectReader(const std::string& file, std::optional<Error>& error) : file_(file), error_(error) {}

  template <class T>
  void object(const JsonNode& node, T& value, std::string_view expected_too = {}) {
    if (node.type != JsonNode::Type::object) return wrong(node.line, "cannot use " + std::string(to_string(node.type)) + ": an object is allowed");
    ObjectReader inner(file_, error_);
    inner.node_ = &node;
    if (!expected_too.empty()) inner.known_.insert(std::string(expected_too));
    describe(inner, value);
    for (const JsonMember& member : node.members) {
      if (!inner.known_.contains(member.key)) wrong(member.line, "cannot use field '" + printable(member.key) + "': there is none of this name");
    }
  }

  template <class T>
  void field(std::string_view name, T& value) {
    known_.insert(std::string(name));
    const JsonMember* member = find(name);
    if constexpr (is_optional<T>) {
      if (member != nullptr) read(member->value, value.emplace());
    } else if (member == nullptr) {
      wrong(node_->line, "field '" + std::string(name) + "' is missing");
    } else {
      if (error_) return;
      read(member->value, value);
      if (error_ && error_->place.empty()) error_->place = file_ + ":" + std::to_string(member->line);
    }
  }

  template <class T>
  void field_or_default(std::string_view name, T& value) {
    known_.insert(std::string(name));
    if (const JsonMember* member = find(name)) read(member->value, value);
  }

  const JsonMember* find(std::string_view name) const {
    for (const JsonMember& member : node_->members) {
      if (member.key == name) return &member;
    }
    return nullptr;
  }

 private:
  void wrong(unsigned line, std::string message) {
    if (!error_) error_ = Error{Errc::configuration, std::move(message), file_ + ":" + std::to_string(line)};
  }

  template <class T>
  void read(const JsonNode& node, T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      if (node.type != JsonNode::Type::boolean) return wrong_type(node, JsonNode::Type::boolean);
      value = node.text == "true";
    } else if constexpr (std::is_integral_v<T>) {
      if (node.type != JsonNode::Type::number) return wrong_type(node, JsonNode::Type::number);
      const char* end = node.text.data() + node.text.size();
      const auto read_to = std::from_chars(node.text.data(), end, value);
      if (read_to.ec != std::errc() || read_to.ptr != end) {
        wrong(node.line, "cannot use number '" + node.text + "': 0 to " + std::to_string(std::numeric_limits<T>::max()) + " is allowed");
      }
    } else if constexpr (std::is_same_v<T, DomainId>) {
      read(node, value.value);
    } else if constexpr (Leaf<T>) {
      if (node.type != JsonNode::Type::text) return wrong_type(node, JsonNode::Type::text);
      if (auto done = read_leaf(node.text, value); !done) wrong(node.line, done.error().message);
    } else {
      object(node, value);
    }
  }

  template <class T>
  void read(const JsonNode& node, std::vector<T>& list) {
    if (node.type != JsonNode::Type::list) return wrong_type(node, JsonNode::Type::list);
    for (const JsonNode& item : node.items) read(item, list.emplace_back());
  }

  void wrong_type(const JsonNode& node, JsonNode::Type wanted) {
    wrong(node.line, "cannot use " + std::string(to_string(node.type)) + ": " + std::string(to_string(wanted)) + " is allowed");
  }

  const std::string& file_;
  std::optional<Error>& error_;
  const JsonNode* node_ = nullptr;
  std::set<std::string> known_;
};

Result<void> check_version(const JsonNode& document, const std::string& file) {
  for (const JsonMember& member : document.members) {
    if (member.key != "version") continue;
    for (unsigned version = k_oldest_family_version; version <= k_family_version; ++version) {
      if (member.value.type == JsonNode::Type::number && member.value.text == std::to_string(version)) return outcome::success();
    }
    return fail(Errc::configuration, "cannot use version '" + printable(member.value.text) + "': " + std::to_string(k_oldest_family_version) +
                                         " to " + std::to_string(k_family_version) + " is allowed", file + ":" + std::to_string(member.line));
  }
  return fail(Errc::configuration, "field 'version' is missing", file + ":1");
}

// What a reader of the file relies on and no single field can say.
Result<void> check_whole(const Family& family, const std::string& file) {
  std::set<std::string> names = {family.vm.text()};
  std::set<Uuid> uuids = {family.uuid};
  for (const Clone& clone : family.clones) {
    if (!names.insert(clone.name.text()).second) {
      return fail(Errc::configuration, "name '" + clone.name.text() + "' stands twice in the family", file + ":1");
    }
    if (!uuids.insert(clone.uuid).second) {
      return fail(Errc::configuration, "uuid '" + clone.uuid.text() + "' stands twice in the family", file + ":1");
    }
  }
  // A file that named nobody real would silence them all, and nobody would know why.
  std::vector<std::pair<std::string, const Uuid*>> named;
  if (family.production.member) named.emplace_back("production", &*family.production.member);
  if (family.probation) named.insert(named.end(), {{"probation.from", &family.probation->from}, {"probation.to", &family.probation->to}});
  for (const auto& [what, uuid] : named) {
    if (uuids.contains(*uuid)) continue;
    return fail(Errc::configuration, "cannot use " + what + " '" + uuid->text() + "': no member of the family has this uuid", file + ":1");
  }
  if (family.production.member && family.production.generation == 0) {
    return fail(Errc::configuration, "cannot use production '" + family.production.member->text() + "' of generation 0: that was never moved", file + ":1");
  }
  return outcome::success();
}

}  // namespace

std::string write_family(const Family& family) {
  Family copy = family;  // the description serves both ways and so wants to be able to write
  Writer writer;
  writer.object(copy, "\"version\": " + std::to_string(k_family_version));
  return writer.take();
}

Result<Family> read_family(std::string_view untrusted_text, const std::string& file) {
  TRY(auto document, parse_json_text(untrusted_text, file));
  if (document.type != JsonNode::Type::object) return fail(Errc::configuration, "an object is allowed only", file + ":1");
  TRY(check_version(document, file));
  Family family;
  std::optional<Error> error;
  ObjectReader(file, error).object(document, family, "version");
  if (error) return *error;
  TRY(check_whole(family, file));
  return family;
}

}  // namespace zynclone::broker::configuration
