// SPDX-License-Identifier: BSL-1.0
#include "arguments.hpp"

#include <charconv>

namespace tool {

namespace {

// "-" and "-5" are words; what else begins with '-' is an option.
bool is_word(std::string_view text) noexcept {
    return text.size() < 2 || text[0] != '-' || (text[1] >= '0' && text[1] <= '9');
}

const option* find(const std::vector<option>& known, std::string_view name) noexcept {
    for (const option& each : known)
        if (each.name == name) return &each;
    return nullptr;
}

}  // namespace

std::optional<std::string> arguments::read(int count, const char* const* words,
                                           const std::vector<option>& known) {
    bool options_over = false;
    for (int at = 0; at < count; ++at) {
        const std::string_view word = words[at];
        if (options_over || is_word(word)) {
            words_.push_back(word);
            continue;
        }
        if (word == "--") {
            options_over = true;
            continue;
        }
        const std::size_t equals = word.find('=');
        const std::string_view name = word.substr(0, equals);
        const option* const found = find(known, name);
        if (found == nullptr)
            return "there is no option " + std::string{name} +
                   "; a word that begins with '-' comes after '--'";
        if (has(name)) return std::string{name} + " is given twice";
        if (found->value == nullptr) {
            if (equals != std::string_view::npos) return std::string{name} + " takes no value";
            options_.emplace_back(name, "");
            continue;
        }
        std::string_view given;
        if (equals != std::string_view::npos) given = word.substr(equals + 1);
        else if (++at < count) given = words[at];
        if (given.empty()) return std::string{name} + " needs a value: " + found->value;
        options_.emplace_back(name, given);
    }
    return std::nullopt;
}

bool arguments::has(std::string_view name) const noexcept {
    for (const auto& [given, value] : options_)
        if (given == name) return true;
    return false;
}

std::string_view arguments::value(std::string_view name,
                                  std::string_view otherwise) const noexcept {
    for (const auto& [given, value] : options_)
        if (given == name) return value;
    return otherwise;
}

std::optional<std::uint64_t> arguments::number(std::string_view name,
                                               std::uint64_t otherwise) const noexcept {
    if (!has(name)) return otherwise;
    const std::string_view text = value(name);
    std::uint64_t read = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), read);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return read;
}

std::vector<std::string_view> arguments::list(std::string_view name) const {
    std::vector<std::string_view> parts;
    if (!has(name)) return parts;
    std::string_view rest = value(name);
    while (true) {
        const std::size_t comma = rest.find(',');
        parts.push_back(rest.substr(0, comma));
        if (comma == std::string_view::npos) return parts;
        rest.remove_prefix(comma + 1);
    }
}

}  // namespace tool
