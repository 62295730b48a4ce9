// SPDX-License-Identifier: BSL-1.0
//
// The version of mantis: the one public macro, for `#if` in code that must build against several
// versions.
//
//   MANTIS_VERSION = major * 10000 + minor * 100 + patch
#pragma once

#define MANTIS_VERSION 100
