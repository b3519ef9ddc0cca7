"""What the techniques share of single layers: as matrices, solved again, folded, and what surgery leaves of them."""
