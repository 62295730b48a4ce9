// SPDX-License-Identifier: BSL-1.0
//
// help and version.
#include "command.hpp"
#include "output.hpp"

#include <mantis/version.hpp>

#include <unistd.h>
#include <cctype>

namespace tool {

namespace {

constexpr const char* exit_codes =
    "exit codes:\n"
    "  0  done\n"
    "  1  get: no document has that _id\n"
    "  2  the command line is wrong\n"
    "  3  bad input: JSON text, a filter, an update, or a document that cannot be stored\n"
    "  4  no such database, collection or file\n"
    "  5  another process has the database open\n"
    "  6  damage: bytes on disk are not the bytes that were written\n"
    "  7  failed: no space, an input or output error, files made by another version\n";

void pad(std::string& line, std::size_t width) {
    line += std::string(line.size() < width ? width - line.size() : 2, ' ');
}

std::string overview() {
    std::string text = "mantis: JSON documents in a database that survives a kill\n\ncommands:\n";
    for (const command& each : commands()) {
        std::string line = std::string{"  "} + each.name + " " + each.words;
        if (line.size() > 43) {
            text += line + "\n";
            line.clear();
        }
        pad(line, 45);
        text += line + each.summary + "\n";
    }
    text +=
        "\nDIR is the directory of the database. FILTER and UPDATE are JSON, as in "
        "'{\"height_m\":{\"$gt\":25}}'.\n"
        "Options may stand anywhere. After '--' there are none: what follows may begin with "
        "'-'.\n"
        "Results are JSON, one value a line, on standard output; everything else is on standard "
        "error.\n\n";
    return text + exit_codes + "\n'mantis help COMMAND' says more about one.\n";
}

std::string about(const command& which) {
    std::string summary = which.summary;
    summary[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(summary[0])));
    std::string text = usage_of(which) + "\n\n" + summary + ".\n";
    if (which.details[0] != '\0') text += std::string{"\n"} + which.details;
    if (!which.options.empty()) text += "\noptions:\n";
    for (const option& each : which.options) {
        std::string line = std::string{"  "} + each.name;
        if (each.value != nullptr) line += std::string{" "} + each.value;
        pad(line, 26);
        text += line + each.meaning + "\n";
    }
    return text;
}

exit_code print(std::string text) {
    text.pop_back();  // line() ends it
    output to{STDOUT_FILENO, "standard output"};
    to.line(text);
    return to.finish();
}

exit_code help(const arguments& given) {
    if (given.count() == 0) return print(overview());
    const command* const which = find_command(given.word(0));
    if (which == nullptr)
        return complain(exit_code::usage, "there is no command " + std::string{given.word(0)});
    return print(about(*which));
}

exit_code version(const arguments&) {
    constexpr int number = MANTIS_VERSION;
    return print("mantis " + std::to_string(number / 10000) + "." +
                 std::to_string(number / 100 % 100) + "." + std::to_string(number % 100) + "\n");
}

}  // namespace

command help_command() {
    return {.name = "help",
            .words = "[COMMAND]",
            .summary = "this overview, or the manual of one command",
            .most_words = 1,
            .options = {},
            .run = help};
}

command version_command() {
    return {.name = "version",
            .words = "",
            .summary = "which version this is",
            .options = {},
            .run = version};
}

}  // namespace tool
