// SPDX-License-Identifier: BSL-1.0
//
// insert, update and delete: commands that change documents, each in one transaction.
#include "collection_access.hpp"
#include "command.hpp"
#include "document_feed.hpp"
#include "output.hpp"

#include <mantis/document/json.hpp>

#include <unistd.h>

namespace tool {

namespace {

exit_code print(mantis::bson_writer& answer) {
    output to{STDOUT_FILENO, "standard output"};
    to.line(mantis::to_json(mantis::bson_view{answer.finish()}));
    return to.finish();
}

constexpr const char* nothing_inserted = " (nothing was inserted)";

struct given_documents {
    std::vector<mantis::bytes> raw;
    std::vector<std::uint64_t> lines;  // where each begins
};

bool is_blank(std::string_view text) noexcept {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// One or several documents, or an array of them; "-" reads standard input.
exit_code read_documents(std::string_view text, given_documents& into) {
    mantis::json_reader reader;
    const auto keep = [&](mantis::bson_view document, std::uint64_t line) -> mantis::result<void> {
        if (auto storable = documents::check(document); !storable)
            return storable.error().with("line", line);
        into.raw.emplace_back(document.document());
        into.lines.push_back(line);
        return mantis::success();
    };
    mantis::result<void> read;
    if (text == "-") {
        auto input = text_source::open("-");
        if (!input) return complain(input.error());
        while (read) {
            auto piece = (*input)->next();
            if (!piece) return complain(piece.error());
            if (piece->empty()) break;
            read = reader.feed(*piece, keep);
        }
    } else if (is_blank(text)) {
        read = mantis::error{mantis::error_code::parse, "there is no document"};
    } else {
        read = reader.feed(text, keep);
    }
    if (read) read = reader.finish();
    if (read) return exit_code::done;
    return complain_at("document", read.error(), nothing_inserted);
}

exit_code insert(const arguments& given) {
    given_documents wanted;
    if (const exit_code read = read_documents(given.word(2), wanted); read != exit_code::done)
        return read;
    opened_collection opened;
    if (const exit_code done =
            open_collection(given.word(0), given.word(1), access::create, opened);
        done != exit_code::done)
        return done;
    auto ids = opened.in->insert_many(wanted.raw);
    if (!ids) {
        const std::uint64_t* const which = ids.error().number("document");
        return which == nullptr ? complain(ids.error())
                                : complain_at("document", wanted.lines[*which], 0, ids.error(),
                                              nothing_inserted);
    }
    if (const exit_code closed = close_database(*opened.store); closed != exit_code::done)
        return closed;
    output to{STDOUT_FILENO, "standard output"};
    for (const mantis::owned_value& id : *ids) {
        mantis::bson_writer line;
        line.add("_id", id.view());
        to.line(mantis::to_json(mantis::bson_view{line.finish()}));
    }
    return to.finish();
}

exit_code update(const arguments& given) {
    mantis::filter wanted;
    if (const exit_code read = read_filter(given.word(2), wanted); read != exit_code::done)
        return read;
    mantis::bytes text;
    if (const exit_code read = read_document("update", given.word(3), text);
        read != exit_code::done)
        return read;
    auto change = mantis::update::compile(mantis::bson_view{text});
    if (!change) return complain(change.error());
    opened_collection opened;
    if (const exit_code done = open_collection(given.word(0), given.word(1), access::write, opened);
        done != exit_code::done)
        return done;
    auto updated = opened.in->update(wanted, *change);
    if (!updated) return complain(updated.error());
    if (const exit_code closed = close_database(*opened.store); closed != exit_code::done)
        return closed;
    mantis::bson_writer answer;
    answer.add("matched", static_cast<std::int64_t>(updated->matched));
    answer.add("modified", static_cast<std::int64_t>(updated->modified));
    return print(answer);
}

exit_code erase(const arguments& given) {
    mantis::filter wanted;
    if (const exit_code read = read_filter(given.word(2), wanted); read != exit_code::done)
        return read;
    opened_collection opened;
    if (const exit_code done = open_collection(given.word(0), given.word(1), access::write, opened);
        done != exit_code::done)
        return done;
    auto erased = opened.in->erase(wanted);
    if (!erased) return complain(erased.error());
    if (const exit_code closed = close_database(*opened.store); closed != exit_code::done)
        return closed;
    mantis::bson_writer answer;
    answer.add("deleted", static_cast<std::int64_t>(erased->erased));
    return print(answer);
}

}  // namespace

command insert_command() {
    return {.name = "insert",
            .words = "DIR COLLECTION JSON",
            .summary = "adds documents; answers their _ids",
            .details =
                "JSON is a document, several, or an array of them; '-' is standard input. All are "
                "inserted or none.\n"
                "Database and collection are made if they are missing.\n",
            .fewest_words = 3,
            .most_words = 3,
            .options = {},
            .run = insert};
}

command update_command() {
    return {.name = "update",
            .words = "DIR COLLECTION FILTER UPDATE",
            .summary = "changes the documents that match",
            .details =
                "UPDATE: {\"$set\":{\"a.b\":1},\"$unset\":{\"c\":\"\"},\"$inc\":{\"n\":1}}, or a "
                "whole new document, which\n"
                "keeps the _id. FILTER as for find; {} is all. Every match is changed or none.\n",
            .fewest_words = 4,
            .most_words = 4,
            .options = {},
            .run = update};
}

command delete_command() {
    return {.name = "delete",
            .words = "DIR COLLECTION FILTER",
            .summary = "removes the documents that match",
            .details = "FILTER as for find; {} is all. Every match is removed or none.\n",
            .fewest_words = 3,
            .most_words = 3,
            .options = {},
            .run = erase};
}

}  // namespace tool
