// SPDX-License-Identifier: BSL-1.0
//
// What the tool can do: one description for each command, from which its command line is read and
// its help is written.
#pragma once

#include "arguments.hpp"
#include "exit_code.hpp"

namespace tool {

struct command {
    const char* name = nullptr;
    const char* words = nullptr;    // "DIR COLLECTION [FILTER]"
    const char* summary = nullptr;  // one line, without a full stop
    const char* details = "";       // paragraphs for its own help
    std::size_t fewest_words = 0;
    std::size_t most_words = 0;
    std::vector<option> options;
    exit_code (*run)(const arguments&) = nullptr;
};

// In the order in which help lists them.
[[nodiscard]] const std::vector<command>& commands();
//   Returns     the command of that name, or nullptr
[[nodiscard]] const command* find_command(std::string_view name);

[[nodiscard]] std::string usage_of(const command& which);
// What the usage calls the word at that place: "COLLECTION".
//   Requires    at < which.most_words
[[nodiscard]] std::string word_name(const command& which, std::size_t at);

// One function for each file of commands.
[[nodiscard]] command import_command();
[[nodiscard]] command find_documents_command();
[[nodiscard]] command get_command();
[[nodiscard]] command count_command();
[[nodiscard]] command insert_command();
[[nodiscard]] command update_command();
[[nodiscard]] command delete_command();
[[nodiscard]] command collections_command();
[[nodiscard]] command drop_command();
[[nodiscard]] command stats_command();
[[nodiscard]] command check_command();
[[nodiscard]] command checkpoint_command();
[[nodiscard]] command compact_command();
[[nodiscard]] command log_command();
[[nodiscard]] command recover_command();
[[nodiscard]] command salvage_command();
[[nodiscard]] command scrub_command();
[[nodiscard]] command version_command();
[[nodiscard]] command help_command();

}  // namespace tool
