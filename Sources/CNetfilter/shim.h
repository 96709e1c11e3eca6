/* libmnl and libnftnl as Swift sees them. */
#ifndef SEKISHO_CNETFILTER_SHIM_H
#define SEKISHO_CNETFILTER_SHIM_H

/* Before any <linux/...> header: <linux/in.h> would define struct group_source_req differently from Swift's Glibc
   module, and the import of both fails. */
#include <netinet/in.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#endif
