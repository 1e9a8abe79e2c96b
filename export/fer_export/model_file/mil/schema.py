"""The messages of a Core ML model that are read and written here, for protobuf's own parser.

Only fields that a classifier needs are named; protobuf keeps the others of a message as they are. Numbers are those of
Apple's published format (Model.proto, MIL.proto, FeatureTypes.proto).
"""

from __future__ import annotations

import functools
from typing import Any

_PACKAGE = "fer_export.coreml"

_TYPES = {"double": 1, "float": 2, "int64": 3, "uint64": 4, "int32": 5, "bool": 8, "string": 9, "bytes": 12}
"""Protobuf's numbers. An enumeration is read as int32, a map as a list of entries, which are the same in bytes."""

_MESSAGES = {
    "Model": "specificationVersion:1:int32 description:2:ModelDescription mlProgram:502:Program",
    "ModelDescription": "input:1:Feature* output:10:Feature* predictedFeatureName:11:string "
    "predictedProbabilitiesName:12:string metadata:100:Metadata",
    "Feature": "name:1:string shortDescription:2:string type:3:FeatureType",
    "FeatureType": "imageType:4:Image multiArrayType:5:Array",
    "Image": "width:1:int64 height:2:int64 colorSpace:3:int32",
    "Array": "shape:1:int64* dataType:2:int32",
    "Metadata": "shortDescription:1:string versionString:2:string author:3:string license:4:string "
    "userDefined:100:TextEntry*",
    "TextEntry": "key:1:string value:2:string",
    "Program": "version:1:int64 functions:2:FunctionEntry*",
    "FunctionEntry": "key:1:string value:2:Function",
    "Function": "inputs:1:NamedType* opset:2:string blocks:3:BlockEntry*",
    "BlockEntry": "key:1:string value:2:Block",
    "Block": "inputs:1:NamedType* outputs:2:string* operations:3:Operation*",
    "Operation": "type:1:string inputs:2:ArgumentEntry* outputs:3:NamedType* blocks:4:Block* attributes:5:ValueEntry*",
    "ArgumentEntry": "key:1:string value:2:Argument",
    "Argument": "arguments:1:Binding*",
    "Binding": "name:1:string value:2:Value",
    "ValueEntry": "key:1:string value:2:Value",
    "NamedType": "name:1:string type:2:ValueType",
    "ValueType": "tensorType:1:TensorType listType:2:ListType dictionaryType:4:DictionaryType",
    "TensorType": "dataType:1:int32 rank:2:int64 dimensions:3:Dimension*",
    "ListType": "type:1:ValueType length:2:Dimension",
    "DictionaryType": "keyType:1:ValueType valueType:2:ValueType",
    "Dimension": "constant:1:Constant unknown:2:Unknown",
    "Constant": "size:1:uint64",
    "Unknown": "variadic:1:bool",
    "Value": "type:2:ValueType immediateValue:3:Immediate blobFileValue:5:BlobFile",
    "Immediate": "tensor:1:Tensor list:3:List",
    "BlobFile": "fileName:1:string offset:2:uint64",
    "List": "values:1:Value*",
    "Tensor": "floats:1:Floats ints:2:Ints bools:3:Bools strings:4:Strings longInts:5:LongInts doubles:6:Doubles "
    "bytes:7:Bytes",
    "Floats": "values:1:float*",
    "Doubles": "values:1:double*",
    "Ints": "values:1:int32*",
    "LongInts": "values:1:int64*",
    "Bools": "values:1:bool*",
    "Strings": "values:1:string*",
    "Bytes": "values:1:bytes",
}
"""By message: its fields as name:number:type, with * for a repeated one."""


def parse(content: bytes) -> Any:
    """The Model message of a .mlmodel file; raises ValueError where the bytes are not one."""
    from google.protobuf.message import DecodeError

    model = _model_class()()
    try:
        model.ParseFromString(content)
    except (DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return model


@functools.cache
def _model_class() -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="fer_export_coreml.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for entry in fields.split():
            field, number, kind = entry.split(":")
            repeated, kind = kind.endswith("*"), kind.rstrip("*")
            added = message.field.add(name=field, number=int(number), label=3 if repeated else 1)
            if kind in _MESSAGES:
                added.type, added.type_name = 11, f".{_PACKAGE}.{kind}"
            else:
                added.type = _TYPES[kind]
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Model"))
