/* The version of the program and of the library; meson.build checks that it says the same. */
#ifndef STARLING_VERSION_H
#define STARLING_VERSION_H

#define SL_VERSION "0.1.0"

#endif
