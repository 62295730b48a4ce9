// SPDX-License-Identifier: BSL-1.0
// expect: mantis: raw_codec<T>: T is not trivially copyable; name its members instead
#include <mantis/core/raw_codec.hpp>
#include <mantis/store/store.hpp>
#include <mantis/store/typed_table.hpp>

#include <string>

int main() {
    using table = mantis::typed_table<int, std::string, mantis::key_codec<int>,
                                      mantis::raw_codec<std::string>>;
    auto db = mantis::store<>::open("db").value();
    auto texts = table::open(db, "t").value();
    auto tx = db.begin();
    return texts.get(tx, 1).has_value();
}
