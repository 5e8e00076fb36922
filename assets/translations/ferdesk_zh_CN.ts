<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name></name>
    <message>
        <source>angry</source>
        <translation>愤怒</translation>
    </message>
    <message>
        <source>disgust</source>
        <translation>厌恶</translation>
    </message>
    <message>
        <source>fear</source>
        <translation>恐惧</translation>
    </message>
    <message>
        <source>happy</source>
        <translation>高兴</translation>
    </message>
    <message>
        <source>sad</source>
        <translation>悲伤</translation>
    </message>
    <message>
        <source>surprise</source>
        <translation>惊讶</translation>
    </message>
    <message>
        <source>neutral</source>
        <translation>中性</translation>
    </message>
</context>
</TS>
