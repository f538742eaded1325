#pragma once
// Structs to JSON and back by one description each (protocol/descriptions.hpp): an Encoder and a Decoder that offer the same three
// calls. Internal to protocol/.

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "protocol/json.hpp"
#include "protocol/words.hpp"

namespace zynclone::protocol {

template <class A, class T>
void describe(A& archive, T& value) = delete;  // descriptions.hpp overloads it for each struct

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsName : std::false_type {};
template <class Tag>
struct IsName<CheckedName<Tag>> : std::true_type {};
template <>
struct IsName<Uuid> : std::true_type {};

class Encoder {
 public:
  explicit Encoder(Json& object) : object_(object) {}

  template <class T>
  void required(const char* name, const T& value) { object_[name] = encode(value); }
  template <class T>
  void field(const char* name, const T& value) { object_[name] = encode(value); }
  template <class T>
  void optional(const char* name, const std::optional<T>& value) {
    if (value) object_[name] = encode(*value);
  }

  template <class T>
  static Json encode(const T& value) {
    if constexpr (std::is_enum_v<T>) return std::string(to_string(value));
    else if constexpr (std::is_same_v<T, Timestamp>) return to_rfc3339(value);
    else if constexpr (IsName<T>::value) return value.text();
    else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) return value;
    else if constexpr (IsVector<T>::value) {
      Json list = Json::array();
      for (const auto& entry : value) list.push_back(encode(entry));
      return list;
    } else {
      Json object = Json::object();
      Encoder inner(object);
      describe(inner, const_cast<T&>(value));  // an Encoder only reads
      return object;
    }
  }

 private:
  Json& object_;
};

enum class UnknownFields { refuse, ignore };

class Decoder {
 public:
  Decoder(const Json& untrusted_object, std::string place, UnknownFields unknown)
      : object_(untrusted_object), place_(std::move(place)), unknown_(unknown) {
    if (!object_.is_object()) reject(place_, "expected an object");
  }

  template <class T>
  void required(const char* name, T& value) {
    if (!take(name, value)) reject(place_ + '/' + name, "is missing");
  }
  template <class T>
  void field(const char* name, T& value) { take(name, value); }
  template <class T>
  void optional(const char* name, std::optional<T>& value) {
    T inner{};
    if (take(name, inner)) value = std::move(inner);
  }

  // After all fields: the first error, unknown fields among them.
  Result<void> finish() {
    if (!error_ && unknown_ == UnknownFields::refuse) {
      for (const auto& [key, ignored] : object_.items()) {
        if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
          const auto shown = printable(key.substr(0, 80));
          reject(place_ + '/' + shown, "no such field");
          break;
        }
      }
    }
    if (error_) return outcome::failure(*error_);
    return outcome::success();
  }

  template <class T>
  static Result<T> decode(const Json& untrusted_object, std::string place, UnknownFields unknown) {
    T value{};
    Decoder decoder(untrusted_object, std::move(place), unknown);
    if (!decoder.error_) describe(decoder, value);
    TRY(decoder.finish());
    return value;
  }

 private:
  // False: absent, or wrong (then error_ is set).
  template <class T>
  bool take(const char* name, T& value) {
    known_.emplace_back(name);
    if (error_) return true;
    const auto found = object_.find(name);
    if (found == object_.end()) return false;
    read(*found, place_ + '/' + name, value);
    return true;
  }

  template <class T>
  void read(const Json& untrusted_value, const std::string& place, T& value) {
    if (error_) return;
    if constexpr (std::is_same_v<T, bool>) {
      if (!untrusted_value.is_boolean()) return reject(place, "expected true or false");
      value = untrusted_value.get<bool>();
    } else if constexpr (std::is_unsigned_v<T>) {
      if (!untrusted_value.is_number_unsigned() || untrusted_value.get<std::uint64_t>() > std::numeric_limits<T>::max()) {
        return reject(place, "expected a whole number from 0 to " + std::to_string(std::numeric_limits<T>::max()));
      }
      value = untrusted_value.get<T>();
    } else if constexpr (IsVector<T>::value) {
      if (!untrusted_value.is_array()) return reject(place, "expected a list");
      if (untrusted_value.size() > k_most_list_entries) {
        return reject(place, "at most " + std::to_string(k_most_list_entries) + " entries are allowed");
      }
      for (std::size_t i = 0; i < untrusted_value.size(); ++i) {
        read(untrusted_value[i], place + '/' + std::to_string(i), value.emplace_back());
      }
    } else if constexpr (std::is_enum_v<T> || std::is_same_v<T, std::string> || std::is_same_v<T, Timestamp> || IsName<T>::value) {
      if (!untrusted_value.is_string()) return reject(place, "expected a text");
      const auto& untrusted_text = untrusted_value.get_ref<const std::string&>();
      if (untrusted_text.size() > k_longest_text) {
        return reject(place, "at most " + std::to_string(k_longest_text) + " bytes are allowed");
      }
      if constexpr (std::is_same_v<T, std::string>) value = untrusted_text;
      else if constexpr (std::is_enum_v<T>) keep(place, parse_word<T>(untrusted_text, "value"), value);
      else if constexpr (std::is_same_v<T, Timestamp>) keep(place, parse_rfc3339(untrusted_text), value);
      else keep(place, T::parse(untrusted_text), value);
    } else {
      Decoder inner(untrusted_value, place, unknown_);
      if (!inner.error_) describe(inner, value);
      auto finished = inner.finish();
      if (!finished) error_ = std::move(finished).error();
    }
  }

  template <class T>
  void keep(const std::string& place, Result<T> parsed, T& value) {
    if (parsed) value = std::move(parsed).value();
    else error_ = Error{parsed.error().code, parsed.error().message, place};
  }

  void reject(std::string place, std::string why) {
    if (!error_) error_ = Error{Errc::invalid_argument, "cannot use '" + place + "': " + why, std::move(place)};
  }

  const Json& object_;
  std::string place_;
  UnknownFields unknown_;
  std::vector<std::string> known_;
  std::optional<Error> error_;
};

}  // namespace zynclone::protocol
