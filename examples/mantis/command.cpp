// SPDX-License-Identifier: BSL-1.0
#include "command.hpp"

namespace tool {

const std::vector<command>& commands() {
    static const std::vector<command> all{import_command(),  find_documents_command(),
                                          get_command(),     count_command(),
                                          insert_command(),  update_command(),
                                          delete_command(),  collections_command(),
                                          drop_command(),    stats_command(),
                                          check_command(),   checkpoint_command(),
                                          compact_command(), log_command(),
                                          recover_command(), salvage_command(),
                                          scrub_command(),   version_command(),
                                          help_command()};
    return all;
}

const command* find_command(std::string_view name) {
    for (const command& each : commands())
        if (each.name == name) return &each;
    return nullptr;
}

std::string usage_of(const command& which) {
    std::string line = std::string{"mantis "} + which.name;
    if (which.words[0] != '\0') line += std::string{" "} + which.words;
    if (!which.options.empty()) line += " [options]";
    return line;
}

std::string word_name(const command& which, std::size_t at) {
    std::string_view rest = which.words;
    for (; at > 0; --at) rest.remove_prefix(rest.find(' ') + 1);
    rest = rest.substr(0, rest.find(' '));
    return std::string{rest[0] == '[' ? rest.substr(1, rest.size() - 2) : rest};
}

}  // namespace tool
