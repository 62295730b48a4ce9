// SPDX-License-Identifier: BSL-1.0
// expect: mantis: policies<...>: a with::... option is given twice (docs/policies.md)
#include <mantis/store/store.hpp>

struct app : mantis::policies<mantis::with::checksum<mantis::xxh3>,
                              mantis::with::checksum<mantis::crc32c>> {};

int main() { return mantis::store<app>::open("db").has_value(); }
