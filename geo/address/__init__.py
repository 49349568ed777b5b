"""Which grid does an address text mean? Read into parts, matched level by level, answered only where one grid fits."""

from geo.address.answer import AddressAnswer, GridChoice, Outcome, Refusal
from geo.address.book import AddressBook
from geo.address.parts import AddressParts

__all__ = ["AddressAnswer", "AddressBook", "AddressParts", "GridChoice", "Outcome", "Refusal"]
