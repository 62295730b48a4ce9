// SPDX-License-Identifier: BSL-1.0
#include "collection_access.hpp"

#include <mantis/document/json.hpp>

#include <cstdio>

namespace tool {

namespace {

// Without the code, and without the numbers that say where: the message begins with those.
std::string plain_sentence(const mantis::error& failed) {
    constexpr std::string_view obvious = "reading JSON: ";
    std::string_view doing = failed.doing();
    if (doing.starts_with(obvious)) doing.remove_prefix(obvious.size());
    std::string sentence{doing};
    if (!failed.subject().empty()) sentence += " [" + failed.subject().as<std::string>() + "]";
    for (const char* const name : {"bytes", "key_bytes", "limit"})
        if (const std::uint64_t number = number_of(failed, name); number != 0)
            sentence += std::string{" "} + name + "=" + std::to_string(number);
    return sentence;
}

}  // namespace

exit_code open_collection(std::string_view path, std::string_view name, access wanted,
                          opened_collection& into) {
    if (wanted == access::create)
        if (auto named = database::check_name(name); !named) return complain(named.error());
    if (const exit_code opened = open_database(path, wanted, into.store); opened != exit_code::done)
        return opened;
    into.in = into.store->find_collection(name);
    if (into.in) return exit_code::done;
    if (wanted != access::create)
        return complain(
            mantis::error{mantis::error_code::not_found, "there is no collection"}.about(name));
    auto made = into.store->collection(name);
    if (!made) return complain(made.error());
    into.in = *made;
    return exit_code::done;
}

exit_code read_document(const char* what, std::string_view text, mantis::bytes& into) {
    auto document = mantis::parse_json(text);
    if (!document) return complain_at(what, document.error());
    into = std::move(*document);
    return exit_code::done;
}

exit_code read_filter(std::string_view text, mantis::filter& into) {
    if (text.empty()) return exit_code::done;
    mantis::bytes condition;
    if (const exit_code read = read_document("filter", text, condition); read != exit_code::done)
        return read;
    auto compiled = mantis::filter::compile(mantis::bson_view{condition});
    if (!compiled) return complain(compiled.error());
    into = std::move(*compiled);
    return exit_code::done;
}

mantis::owned_value read_id(std::string_view text) {
    if (auto value = mantis::parse_json_value(text)) return std::move(*value);
    return mantis::owned_value{mantis::bytes_view{text}};
}

exit_code complain_at(const std::string& where, std::uint64_t line, std::uint64_t column,
                      const mantis::error& why, const std::string& more) {
    std::string text = where;
    if (line != 0) text += ":" + std::to_string(line);
    if (column != 0) text += ":" + std::to_string(column);
    text += ": " + plain_sentence(why) + more;
    std::fprintf(stderr, "%s\n", text.c_str());
    return exit_code_of(why);
}

exit_code complain_at(const std::string& where, const mantis::error& why, const std::string& more) {
    return complain_at(where, number_of(why, "line"), number_of(why, "column"), why, more);
}

}  // namespace tool
