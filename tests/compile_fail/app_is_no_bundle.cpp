// SPDX-License-Identifier: BSL-1.0
// expect: mantis: store<App>: App does not derive from mantis::policies<...> (docs/policies.md)
#include <mantis/store/store.hpp>

struct app {};

int main() { return mantis::store<app>::open("db").has_value(); }
