#include "protocol/codec.hpp"

#include "protocol/descriptions.hpp"

namespace zynclone::protocol {
namespace {

// JSON-RPC 2.0's own codes where it has one (section 5.1); ours in its range for implementations, with the word in `data`.
int rpc_code(Errc code) {
  switch (code) {
    case Errc::malformed: return -32700;
    case Errc::unknown_method: return -32601;
    case Errc::invalid_argument: return -32602;
    case Errc::internal: return -32603;
    default: return -32000;
  }
}

bool may_send(Sender sender, Direction direction) {
  switch (direction) {
    case Direction::both: return true;
    case Direction::to_broker: return sender == Sender::guest || sender == Sender::administrator;
    case Direction::admin_to_broker: return sender == Sender::administrator;
    case Direction::to_guest: return sender == Sender::broker;
  }
  return false;
}

Error malformed(std::string why, std::string place) {
  return Error{Errc::malformed, "cannot read the message: " + why, std::move(place)};
}

// The parts that all messages share. Checks "jsonrpc" and the id, which is a whole number here.
Result<Envelope> read_envelope(const Json& untrusted) {
  if (!untrusted.is_object()) return outcome::failure(malformed("expected an object", ""));
  const auto version = untrusted.find("jsonrpc");
  if (version == untrusted.end() || *version != "2.0") return outcome::failure(malformed("expected \"jsonrpc\": \"2.0\"", "/jsonrpc"));
  Envelope envelope;
  if (const auto id = untrusted.find("id"); id != untrusted.end() && !id->is_null()) {
    if (!id->is_number_unsigned()) return outcome::failure(malformed("expected a whole number of at least 0", "/id"));
    envelope.id = id->get<std::uint64_t>();
  }
  envelope.is_response = !untrusted.contains("method");
  if (envelope.is_response && untrusted.contains("result") == untrusted.contains("error")) {
    return outcome::failure(malformed("expected a method, a result or an error", ""));
  }
  return envelope;
}

template <class T>
Result<std::optional<T>> take_name(Json& params, const char* key) {
  const auto found = params.find(key);
  if (found == params.end()) return std::optional<T>();
  const std::string place = std::string("/params/") + key;
  if (!found->is_string()) return fail(Errc::invalid_argument, "cannot use '" + place + "': expected a text", place);
  auto parsed = T::parse(found->template get_ref<const std::string&>());
  if (!parsed) return fail(parsed.error().code, parsed.error().message, place);
  params.erase(key);
  return std::optional<T>(std::move(parsed).value());
}

Result<void> take_envelope_fields(Json& params, Request& request) {
  if (effect_of(request.method) == Effect::changes) {
    TRY(request.request_id, take_name<RequestId>(params, "request_id"));
    if (const auto plan = params.find("plan"); plan != params.end()) {
      if (!plan->is_boolean()) {
        return fail(Errc::invalid_argument, "cannot use '/params/plan': expected true or false", "/params/plan");
      }
      request.plan = plan->get<bool>();
      params.erase("plan");
    }
  }
  return outcome::success();
}

template <std::size_t I = 0>
Result<Method> method_named(std::string_view name) {
  if constexpr (I == std::variant_size_v<Method>) {
    return fail(Errc::unknown_method, "cannot call '" + printable(name.substr(0, 80)) + "': no such method", "/method");
  } else {
    using M = std::variant_alternative_t<I, Method>;
    if (name == M::method) return Method(M{});
    return method_named<I + 1>(name);
  }
}

Result<void> decode_method(const Json& untrusted_params, Method& method, UnknownFields unknown) {
  return std::visit(
      [&](auto& m) -> Result<void> {
        using M = std::decay_t<decltype(m)>;
        TRY(m, Decoder::decode<M>(untrusted_params, "/params", unknown));
        return outcome::success();
      },
      method);
}

// A request whose envelope was read.
Result<Request> read_request(const Json& untrusted, const Envelope& envelope, Sender sender) {
  const Json& name = untrusted["method"];
  if (!name.is_string()) return outcome::failure(malformed("expected a text", "/method"));
  const auto& untrusted_name = name.get_ref<const std::string&>();
  TRY(auto method, method_named(untrusted_name));
  if (!may_send(sender, direction_of(method))) {
    return fail(Errc::unknown_method, "cannot call '" + untrusted_name + "': no such method", "/method");
  }
  if (is_notification(method) == envelope.id.has_value()) {
    return outcome::failure(malformed(envelope.id ? "a notification has no id" : "a call needs an id", "/id"));
  }

  Request request{.id = envelope.id, .method = std::move(method)};
  Json params = Json::object();
  if (const auto given = untrusted.find("params"); given != untrusted.end()) params = *given;
  if (!params.is_object()) return fail(Errc::invalid_argument, "cannot use '/params': expected an object", "/params");
  if (sender == Sender::administrator) {
    TRY(request.vm, take_name<VmName>(params, "vm"));
  }
  TRY(take_envelope_fields(params, request));
  // A newer broker may say more than we know; whoever asks for something must be understood whole.
  const auto unknown = sender == Sender::broker ? UnknownFields::ignore : UnknownFields::refuse;
  TRY(decode_method(params, request.method, unknown));
  return request;
}

}  // namespace

Result<Envelope> decode_envelope(std::string_view untrusted_text) {
  TRY(auto untrusted, parse_json(untrusted_text));
  return read_envelope(untrusted);
}

Result<Request> decode_request(std::string_view untrusted_text, Sender sender, std::optional<std::uint64_t>* id) {
  TRY(auto untrusted, parse_json(untrusted_text));
  TRY(auto envelope, read_envelope(untrusted));
  if (id != nullptr) *id = envelope.id;
  if (envelope.is_response) return outcome::failure(malformed("expected a request, not a response", ""));
  return read_request(untrusted, envelope, sender);
}

Result<Incoming> decode_incoming(std::string_view untrusted_text, Sender sender, std::optional<std::uint64_t>* id) {
  TRY(auto untrusted, parse_json(untrusted_text));
  TRY(auto envelope, read_envelope(untrusted));
  Incoming incoming{.id = envelope.id, .request = std::nullopt};
  if (envelope.is_response) return incoming;
  if (id != nullptr) *id = envelope.id;
  TRY(incoming.request, read_request(untrusted, envelope, sender));
  return incoming;
}

std::string encode_request(const Request& request) {
  Json message = {{"jsonrpc", "2.0"}};
  if (request.id) message["id"] = *request.id;
  message["method"] = std::string(method_name(request.method));
  Json params = std::visit([](const auto& m) { return Encoder::encode(m); }, request.method);
  if (request.vm) params["vm"] = request.vm->text();
  if (request.request_id) params["request_id"] = request.request_id->text();
  if (request.plan) params["plan"] = true;
  message["params"] = std::move(params);
  return dump_json(message);
}

template <class M>
Result<typename M::Result> decode_response(std::string_view untrusted_text) {
  TRY(auto untrusted, parse_json(untrusted_text));
  TRY(auto envelope, read_envelope(untrusted));
  if (!envelope.is_response) return outcome::failure(malformed("expected a response", ""));
  if (const auto error = untrusted.find("error"); error != untrusted.end()) {
    TRY(auto view, Decoder::decode<ErrorView>(error->is_object() && error->contains("data") ? (*error)["data"] : *error, "/error/data",
                                              UnknownFields::ignore));
    return outcome::failure(Error{parse_errc(view.code), std::move(view.message), std::move(view.place)});
  }
  return Decoder::decode<typename M::Result>(untrusted["result"], "/result", UnknownFields::ignore);
}

template <class R>
std::string encode_response(std::uint64_t id, const R& result) {
  return dump_json(Json{{"jsonrpc", "2.0"}, {"id", id}, {"result", Encoder::encode(result)}});
}

std::string encode_error(std::optional<std::uint64_t> id, const Error& error) {
  Json message = {{"jsonrpc", "2.0"}, {"id", nullptr}};
  if (id) message["id"] = *id;
  const ErrorView view{.code = std::string(to_string(error.code)),
                       .message = std::string(cut_text(error.message, k_longest_text)),
                       .place = std::string(cut_text(error.place, k_longest_text))};
  message["error"] = {{"code", rpc_code(error.code)}, {"message", view.message}, {"data", Encoder::encode(view)}};
  return dump_json(message);
}

Result<std::string> reencode_response(std::string_view untrusted_text) {
  TRY(auto untrusted, parse_json(untrusted_text));
  TRY(auto envelope, read_envelope(untrusted));
  if (!envelope.is_response) return outcome::failure(malformed("expected a response", ""));
  const char* kind = untrusted.contains("result") ? "result" : "error";
  Json message = {{"jsonrpc", "2.0"}, {"id", nullptr}};
  if (envelope.id) message["id"] = *envelope.id;
  message[kind] = untrusted[kind];
  return dump_json(message);
}

template <class V>
std::string encode_view(const V& view, int indent) {
  return dump_json(Encoder::encode(view), indent);
}

template <class V>
Result<V> decode_view(std::string_view text) {
  TRY(auto json, parse_json(text));
  return Decoder::decode<V>(json, "", UnknownFields::ignore);
}

#define ZYNCLONE_CALL(M) template Result<M::Result> decode_response<M>(std::string_view);
#define ZYNCLONE_VIEW(V)                                               \
  template std::string encode_response<V>(std::uint64_t, const V&);    \
  template std::string encode_view<V>(const V&, int);                  \
  template Result<V> decode_view<V>(std::string_view);

ZYNCLONE_CALL(FamilyShow)
ZYNCLONE_CALL(CloneCreate)
ZYNCLONE_CALL(CloneStart)
ZYNCLONE_CALL(CloneStop)
ZYNCLONE_CALL(CloneActivate)
ZYNCLONE_CALL(CloneDeactivate)
ZYNCLONE_CALL(CloneRemove)
ZYNCLONE_CALL(CloneRename)
ZYNCLONE_CALL(CloneProtect)
ZYNCLONE_CALL(CloneUnprotect)
ZYNCLONE_CALL(CloneShow)
ZYNCLONE_CALL(CloneList)
ZYNCLONE_CALL(CutoverStart)
ZYNCLONE_CALL(CutoverCommit)
ZYNCLONE_CALL(CutoverUndo)
ZYNCLONE_CALL(CutoverShow)
ZYNCLONE_CALL(VmRepair)
ZYNCLONE_CALL(VolumeSwitch)
ZYNCLONE_CALL(VolumeList)
ZYNCLONE_CALL(PeripheralList)
ZYNCLONE_CALL(OperationShow)
ZYNCLONE_CALL(OperationList)
ZYNCLONE_CALL(OperationCancel)
ZYNCLONE_CALL(OperationWatch)
ZYNCLONE_CALL(ApprovalList)
ZYNCLONE_CALL(ApprovalAllow)
ZYNCLONE_CALL(ApprovalDeny)
ZYNCLONE_CALL(GrantAdd)
ZYNCLONE_CALL(GrantList)
ZYNCLONE_CALL(GrantRevoke)
ZYNCLONE_CALL(AuditList)
ZYNCLONE_CALL(HostHealth)
ZYNCLONE_CALL(AgentHealth)
ZYNCLONE_CALL(AgentRun)
ZYNCLONE_CALL(GuestQuiesce)
ZYNCLONE_CALL(GuestThaw)
ZYNCLONE_CALL(GuestPrepareCutover)
ZYNCLONE_CALL(GuestApplyIdentity)
ZYNCLONE_CALL(GuestReleaseVolume)
ZYNCLONE_CALL(GuestAcquireVolume)
ZYNCLONE_CALL(GuestHealth)
ZYNCLONE_CALL(GuestRun)

ZYNCLONE_VIEW(CloneView)
ZYNCLONE_VIEW(PeripheralView)
ZYNCLONE_VIEW(PeripheralListing)
ZYNCLONE_VIEW(FamilyView)
ZYNCLONE_VIEW(ProbationView)
ZYNCLONE_VIEW(OperationView)
ZYNCLONE_VIEW(PlanView)
ZYNCLONE_VIEW(ApprovalView)
ZYNCLONE_VIEW(AuditEntry)
ZYNCLONE_VIEW(HealthCheck)
ZYNCLONE_VIEW(ErrorView)
ZYNCLONE_VIEW(Accepted)
ZYNCLONE_VIEW(CloneListing)
ZYNCLONE_VIEW(OperationListing)
ZYNCLONE_VIEW(ApprovalListing)
ZYNCLONE_VIEW(AuditListing)
ZYNCLONE_VIEW(CutoverView)
ZYNCLONE_VIEW(VolumeView)
ZYNCLONE_VIEW(VolumeListing)
ZYNCLONE_VIEW(GrantView)
ZYNCLONE_VIEW(GrantListing)
ZYNCLONE_VIEW(HostHealthReport)
ZYNCLONE_VIEW(QuiesceReport)
ZYNCLONE_VIEW(ThawReport)
ZYNCLONE_VIEW(PrepareReport)
ZYNCLONE_VIEW(IdentityReport)
ZYNCLONE_VIEW(ReleaseReport)
ZYNCLONE_VIEW(AcquireReport)
ZYNCLONE_VIEW(GuestHealthReport)
ZYNCLONE_VIEW(RunReport)

}  // namespace zynclone::protocol
