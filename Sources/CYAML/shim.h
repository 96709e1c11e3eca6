/* libyaml's event parser as Swift sees it. */
#ifndef SEKISHO_CYAML_SHIM_H
#define SEKISHO_CYAML_SHIM_H

#include <yaml.h>

#endif
