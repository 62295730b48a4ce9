// SPDX-License-Identifier: BSL-1.0
#include <mantis/document/bson_writer.hpp>
#include <mantis/document/detail/object_keys.hpp>

#include <doctest/doctest.h>

#include "../model.hpp"

#include <map>
#include <string>

using namespace mantis;
using namespace mantis::detail;

TEST_CASE("of equal keys the last stays, among few and among many") {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        mantis_test::chance random{seed};
        const std::size_t count = random.below(60);
        object_keys keys;
        bytes out;
        const std::size_t first = keys.open();
        std::map<std::string, int> wanted;
        for (std::size_t i = 0; i < count; ++i) {
            const std::string name = "k" + std::to_string(random.below(40));
            keys.add(out.size(), name);
            out.push_back(static_cast<std::byte>(bson_type::int32));
            out.append(name);
            out.push_back(std::byte{0});
            append_u32(out, i);
            wanted[name] = static_cast<int>(i);
        }
        keys.close(first, out);
        CHECK(keys.open() == first);
        bytes document;
        append_u32(document, out.size() + 5);
        document.append(out);
        document.push_back(std::byte{0});
        const bson_view view{document};
        CHECK(view.count() == wanted.size());
        std::int64_t last = -1;
        for (const bson_element& field : view) {
            CHECK(field.value.as_integer() == wanted[field.name.as<std::string>()]);
            CHECK(field.value.as_integer() > last);
            last = field.value.as_integer();
        }
    }
}
