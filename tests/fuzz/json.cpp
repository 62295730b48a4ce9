// SPDX-License-Identifier: BSL-1.0
//
// Any text as JSON: in one piece and in pieces it gives the same documents and the same verdict,
// and what parses survives the way to text and back.
//
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/json.cpp
//   -lboost_json
#include <mantis/document/bson_validate.hpp>
#include <mantis/document/json.hpp>
#include <mantis/document/json_writer.hpp>

using namespace mantis;

namespace {

struct outcome {
    bytes documents;
    bool accepted = false;
};

outcome read(bytes_view text, std::size_t piece_bytes) {
    outcome seen;
    json_reader reader{{.max_document_bytes = 1 << 20}};
    const auto keep = [&](bson_view document, std::uint64_t line) -> result<void> {
        check(line <= reader.line(), "a document begins behind its end");
        check(validate_bson(document.document()).has_value(), "what was read is not valid");
        seen.documents.append(document.document());
        return {};
    };
    result<void> fed;
    while (fed && !text.empty()) {
        const bytes_view piece = text.first(text.size() < piece_bytes ? text.size() : piece_bytes);
        fed = reader.feed(piece, keep);
        text = text.from(piece.size());
    }
    seen.accepted = fed && reader.finish();
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t piece_bytes = 1 + data[0] % 32;
    const bytes_view text{reinterpret_cast<const std::byte*>(data + 1), size - 1};
    const outcome whole = read(text, size);
    const outcome pieces = read(text, piece_bytes);
    check(whole.accepted == pieces.accepted, "the verdict depends on how the text is cut");
    check(whole.documents == pieces.documents, "the documents depend on how the text is cut");
    const auto value = parse_json_value(text);
    if (!value) return 0;
    const bytes again = to_json(value->view());
    check(parse_json_value(again).value().view().payload() == value->view().payload(),
          "a value changed on its way");
    return 0;
}
