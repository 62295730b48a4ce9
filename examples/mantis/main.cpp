// SPDX-License-Identifier: BSL-1.0
//
// The command line of mantis: JSON documents into a database directory, and out of it.
//
//   mantis import plants.db trees examples/data/trees.json
//   mantis find plants.db trees '{"species.genus":"Quercus","height_m":{"$gt":25}}' --sort
//   -height_m --limit 3
//
// docs/tool.md is the manual; `mantis help` is its short form.
#include "command.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>

namespace {

tool::exit_code wrong(const tool::command& which, const std::string& mistake) {
    return tool::complain(tool::exit_code::usage, mistake + "\nusage: " + tool::usage_of(which) +
                                                      "\n'mantis help " + which.name +
                                                      "' says more");
}

tool::exit_code run(int count, char** words) {
    if (count < 1)
        return tool::complain(tool::exit_code::usage,
                              "what to do? 'mantis help' lists the commands");
    std::string_view name = words[0];
    if (name == "--help" || name == "-h") name = "help";
    if (name == "--version") name = "version";
    const tool::command* const which = tool::find_command(name);
    if (which == nullptr)
        return tool::complain(tool::exit_code::usage, "there is no command " + std::string{name} +
                                                          "; 'mantis help' lists them");
    for (int at = 1; at < count; ++at) {
        const std::string_view word = words[at];
        if (word == "--") break;
        if (word == "--help" || word == "-h") {
            tool::arguments about;
            (void)about.read(1, words, {});
            return tool::find_command("help")->run(about);
        }
    }
    tool::arguments given;
    if (const auto mistake = given.read(count - 1, words + 1, which->options))
        return wrong(*which, *mistake);
    if (given.count() < which->fewest_words)
        return wrong(*which, tool::word_name(*which, given.count()) + " is missing");
    if (given.count() > which->most_words)
        return wrong(*which, "one word too many: " + std::string{given.word(which->most_words)});
    // What an unset variable of a shell leaves, and never what was meant: an empty FILTER would be
    // every document.
    for (std::size_t at = 0; at < given.count(); ++at)
        if (given.word(at).empty()) return wrong(*which, tool::word_name(*which, at) + " is empty");
    return which->run(given);
}

// A standard descriptor that is closed would be that of the next file opened, and what is printed
// would go into the database. /dev/null takes its place, opened the wrong way round: reading or
// writing still fails.
//   Returns     whether all three are open
bool hold_standard_descriptors() {
    for (const int each : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(each, F_GETFD) >= 0 || errno != EBADF) continue;
        if (::open("/dev/null", each == STDIN_FILENO ? O_WRONLY : O_RDONLY) != each) return false;
    }
    return true;
}

}  // namespace

int main(int count, char** words) {
    if (!hold_standard_descriptors()) return static_cast<int>(tool::exit_code::failed);
    // Whoever reads our output may leave first; the output tells, and an import that nobody watches
    // goes on.
    std::signal(SIGPIPE, SIG_IGN);
    return static_cast<int>(run(count - 1, words + 1));
}
