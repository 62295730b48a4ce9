// SPDX-License-Identifier: BSL-1.0
//
// A command line, read by the description of its command: words in order, and options anywhere
// between them.
//
//   --name value, --name=value, --flag; "--" ends the options; "-" alone and "-5" are words.
//
// A value is never empty: that is what an unset variable of a shell leaves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tool {

struct option {
    const char* name = nullptr;   // "--batch"
    const char* value = nullptr;  // what to call its value in the help; nullptr for a flag
    const char* meaning = nullptr;
};

class arguments {
public:
    //   Returns     the first mistake as a sentence, or nothing
    [[nodiscard]] std::optional<std::string> read(int count, const char* const* words,
                                                  const std::vector<option>& known);

    [[nodiscard]] std::size_t count() const noexcept { return words_.size(); }
    //   Returns     the word at that place, or an empty one behind the last
    [[nodiscard]] std::string_view word(std::size_t at) const noexcept {
        return at < words_.size() ? words_[at] : std::string_view{};
    }
    [[nodiscard]] bool has(std::string_view name) const noexcept;
    [[nodiscard]] std::string_view value(std::string_view name,
                                         std::string_view otherwise = {}) const noexcept;
    //   Returns     the option's value, `otherwise` where it is not given, or nothing where it is
    //               not a whole number
    [[nodiscard]] std::optional<std::uint64_t> number(std::string_view name,
                                                      std::uint64_t otherwise) const noexcept;
    // The option's value cut at its commas.
    [[nodiscard]] std::vector<std::string_view> list(std::string_view name) const;

private:
    std::vector<std::string_view> words_;
    std::vector<std::pair<std::string_view, std::string_view>> options_;
};

}  // namespace tool
