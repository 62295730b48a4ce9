// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/bson_writer.hpp>
#include <mantis/document/detail/extended_json.hpp>
#include <mantis/document/detail/extended_name.hpp>

#include <doctest/doctest.h>

using namespace mantis;
using namespace mantis::detail;

namespace {

bytes leading(const bytes& document) {
    const auto plain = check_leading_names(bson_view{document});
    return plain ? bytes{} : bytes{plain.error().subject()};
}

}  // namespace

TEST_CASE("a document that begins with a name kept for another type is refused, at any depth") {
    bson_writer writer;
    for (const char* const name : {"$date", "$binary", "$numberLong", "$numberDouble"}) {
        CAPTURE(name);
        CHECK(leading(writer.add(name, 1).add("a", 1).finish()) == bytes{name});
        CHECK(leading(writer.add("a", 1).begin_document("b").add(name, 1).end().finish()) ==
              bytes{name});
        CHECK(leading(writer.begin_array("a")
                          .push(1)
                          .push_document()
                          .begin_document("b")
                          .add(name, 1)
                          .end()
                          .end()
                          .end()
                          .finish()) == bytes{name});
        CHECK(leading(writer.add("a", 1).add(name, 1).finish()).empty());
        CHECK(leading(writer.add("a", name).finish()).empty());
    }
    CHECK(leading(writer.add("$dates", 1).finish()).empty());
    CHECK(leading(writer.add("$", 1).finish()).empty());
    CHECK(leading(writer.finish()).empty());
}

TEST_CASE("the names are those that reading replaces") {
    for (const char* const name :
         {"$date", "$binary", "$numberLong", "$numberDouble", "$oid", "$set", "a"}) {
        bson_writer writer;
        bytes out;
        append_u32(out, 0);
        out.append({"\3\0", 2});
        out.append(writer.add(name, nullptr).finish());
        CAPTURE(name);
        CHECK((replace_extended(out, 4, 6) != nullptr) == is_extended_name(name));
    }
}
