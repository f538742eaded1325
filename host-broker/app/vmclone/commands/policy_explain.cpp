#include <algorithm>
#include <chrono>
#include <memory>

#include "cli/commands/parse.hpp"
#include "cli/text.hpp"
#include "cli/when.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"
#include "host-broker/app/vmclone/json_lines.hpp"
#include "host-broker/configuration/file_configuration.hpp"
#include "host-broker/policy/policy_folder.hpp"
#include "system/key_value.hpp"

namespace zynclone::broker::vmclone {
namespace {

struct ExplainValues {
  std::string vm;
  std::string operation;
  std::string at;
};

struct Question {
  VmName vm;
  std::string operation;
  Timestamp time;
};

Result<Question> parse(const ExplainValues& values) {
  Question question{.operation = values.operation};
  TRY(question.vm, cli::parse_value<VmName>(values.vm, "VM"));
  const auto& known = policy::known_operations();
  if (std::find(known.begin(), known.end(), values.operation) == known.end()) {
    return fail(Errc::invalid_argument,
                "cannot explain operation '" + printable(values.operation) + "': " + allowed_words(values.operation, known), "OPERATION");
  }
  question.time = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  if (!values.at.empty()) {
    auto time = cli::parse_when(values.at, question.time);
    if (!time) return fail(time.error().code, time.error().message, "--at");
    question.time = time.value();
  }
  return question;
}

std::string rule_json(const policy::RuleExplanation& rule) {
  return JsonObject().text("place", rule.place).text("rule", rule.text).boolean("decides", rule.decides).text("reason", rule.reason).str();
}

Result<cli::ExitCode> explain(cli::Session& session, const HostFiles& files, const ExplainValues& values) {
  TRY(const auto question, parse(values));
  TRY(const auto settings, files.settings());
  const auto rules = policy::read_policy_folder(settings.policy_dir);
  const auto now = policy::to_local_time(question.time);
  const auto ruling = rules.evaluate(question.operation, question.vm, now);
  const auto explanations = rules.explain(question.operation, question.vm, now, values.at.empty() ? "now is" : "at");
  const auto enabled = configuration::FileConfiguration(settings.clone_dir, settings.xl_dir).guests();
  const bool is_enabled = enabled && std::find(enabled.value().begin(), enabled.value().end(), question.vm) != enabled.value().end();
  const std::string decision(policy::to_string(ruling.decision));
  const auto code = rules.errors().empty() ? cli::ExitCode::done : cli::ExitCode::failed;

  if (session.json()) {
    std::vector<std::string> items;
    for (const auto& rule : explanations) items.push_back(rule_json(rule));
    JsonObject object;
    object.text("vm", question.vm.text()).text("operation", question.operation).text("time", to_rfc3339(question.time));
    object.text("decision", decision).text("place", ruling.place).boolean("enabled", is_enabled).list("rules", items);
    session.write_json(object.list("errors", json_of(rules.errors())).str());
    return code;
  }
  std::string text = question.operation + " of " + question.vm.text() + ": " + decision + " by " + printable(ruling.place) + '\n';
  if (!is_enabled) text += "  but " + question.vm.text() + " is not enabled for clones: it has no file in " + settings.clone_dir + "/guest" + '\n';
  for (const auto& rule : explanations) {
    text += std::string(rule.decides ? "  → " : "    ") + printable(rule.place) + "  " + printable(rule.text) + "\n        " +
            printable(rule.reason) + '\n';
  }
  session.screen().write(text);
  for (const Error& error : rules.errors()) session.screen().write_error("vmclone: " + cli::error_text(error));
  return code;
}

}  // namespace

void add_policy_explain(const cli::Command& parent, cli::Session& session, HostFiles& files) {
  auto values = std::make_shared<ExplainValues>();
  add_local(parent, session, files, "explain", "say what the policy decides for an operation of a VM, and why",
            [values, &session, &files] { return explain(session, files, *values); })
      .argument("VM", values->vm, "the original VM")
      .argument("OPERATION", values->operation, "clone.create, cutover.start, …")
      .filled_option("--at", values->at, "at this time instead of now: 23:00, the next one, or 2026-11-22T23:00");
}

}  // namespace zynclone::broker::vmclone
