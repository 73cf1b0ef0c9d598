"""Words a made-up company is written with; names of people, places and departments, in Chinese and English."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _rows(text: str) -> tuple[tuple[str, ...], ...]:
    """Read one entry a word: its parts are set apart by ":", and "_" stands for a space."""
    return tuple(tuple(part.replace("_", " ") for part in word.split(":")) for word in text.split())


SURNAMES = _rows("""
    王:Wang 李:Li 张:Zhang 刘:Liu 陈:Chen 杨:Yang 赵:Zhao 黄:Huang 周:Zhou 吴:Wu 徐:Xu 孙:Sun 胡:Hu 朱:Zhu 高:Gao
    林:Lin 何:He 郭:Guo 马:Ma 罗:Luo 梁:Liang 宋:Song 郑:Zheng 谢:Xie 韩:Han 唐:Tang 冯:Feng 于:Yu 董:Dong 萧:Xiao
    程:Cheng 曹:Cao 袁:Yuan 邓:Deng 许:Xu 傅:Fu 沈:Shen 曾:Zeng 彭:Peng 吕:Lv 苏:Su 卢:Lu 蒋:Jiang 蔡:Cai 贾:Jia
    丁:Ding 魏:Wei 薛:Xue 叶:Ye 阎:Yan 余:Yu 潘:Pan 杜:Du 戴:Dai 夏:Xia 钟:Zhong 汪:Wang 田:Tian 任:Ren 姜:Jiang
    欧阳:Ouyang 司马:Sima 诸葛:Zhuge 上官:Shangguan
""")
GIVEN = _rows("""
    伟:wei 芳:fang 娜:na 敏:min 静:jing 丽:li 强:qiang 磊:lei 军:jun 洋:yang 勇:yong 艳:yan 杰:jie 娟:juan 涛:tao
    明:ming 超:chao 霞:xia 平:ping 刚:gang 桂:gui 文:wen 辉:hui 玲:ling 鹏:peng 华:hua 红:hong 英:ying 建:jian
    国:guo 志:zhi 海:hai 晓:xiao 宇:yu 浩:hao 轩:xuan 梓:zi 涵:han 一:yi 诺:nuo 思:si 雨:yu 欣:xin 怡:yi 佳:jia
    俊:jun 凯:kai 博:bo 睿:rui 泽:ze 天:tian 昊:hao 子:zi 墨:mo 若:ruo 曦:xi 嘉:jia 琪:qi 婷:ting 雪:xue 梅:mei
    兰:lan 竹:zhu 菊:ju 春:chun 秋:qiu 冬:dong 山:shan 川:chuan 江:jiang 河:he 云:yun 月:yue 星:xing 辰:chen
    龙:long 凤:feng 麟:lin 翔:xiang 飞:fei
""")
FIRST_NAMES = _words("""
    Ava Ben Chloe Daniel Emma Felix Grace Henry Isla Jack Kira Liam Maya Noah Olivia Peter Quinn Rosa Samuel Tessa Uma
    Victor Wendy Xavier Yara Zoë Aaron Bella Carlos Diana Ethan Fiona George Hannah Ivan Julia Kevin Laura Marcus Nina
    Oscar Paula Raj Sofia Thomas Ursula Vera William Ximena Yusuf Zara Amélie Björn Chiara Dmitri Eoin François Gustavo
    Hye-jin Ingrid José Kwame Lucía Mateus Nadia Ørjan Priya Renée Siobhán Tomás
""")
LAST_NAMES = _words("""
    Adams Baker Carter Dixon Evans Foster Gray Hughes Irving Jones Kelly Lewis Morgan Nolan Owens Parker Quigley Reed
    Stone Turner Underwood Vance Walker Young Zimmer Abbott Brooks Cohen Dalton Ellis Fischer Garcia Hoffmann Ibrahim
    Jensen Kowalski Larsen Mbeki Nakamura O'Brien Patel Rossi Schmidt Tanaka Ueda Volkov Watson Yamamoto Zapata
    Anderson Bianchi Chowdhury D'Souza Eriksson Fernández González Haddad Iyer Jansson Köhler Lefèvre Müller Nguyen
    Okafor Pereira Smith-Jones Suárez Thompson VanDyke Wójcik
""")
CITIES = _rows("""
    北京:Beijing:CN 上海:Shanghai:CN 深圳:Shenzhen:CN 杭州:Hangzhou:CN 广州:Guangzhou:CN 成都:Chengdu:CN 武汉:Wuhan:CN
    南京:Nanjing:CN 西安:Xi'an:CN 苏州:Suzhou:CN 厦门:Xiamen:CN 新加坡:Singapore:SG 东京:Tokyo:JP 伦敦:London:GB
    柏林:Berlin:DE 纽约:New_York:US 西雅图:Seattle:US 多伦多:Toronto:CA
""")
# A department of the first level with what it may have below.
FUNCTIONS = tuple(
    (head, _rows(topics))
    for head, topics in (
        (
            ("研发中心", "Engineering"),
            "后端研发部:Backend 前端研发部:Frontend 移动研发部:Mobile 平台架构部:Platform 数据智能部:Data_&_AI "
            "质量保障部:Quality 基础设施部:Infrastructure 安全部:Security",
        ),
        (
            ("产品部", "Product"),
            "产品设计部:Product_Design 用户研究部:User_Research 产品运营部:Product_Operations 增长部:Growth",
        ),
        (
            ("销售部", "Sales"),
            "大客户部:Key_Accounts 渠道部:Channels 华东区:East_China 华南区:South_China 海外区:Overseas "
            "售前部:Presales",
        ),
        (("市场部", "Marketing"), "品牌部:Brand 内容部:Content 活动部:Events 公关部:Public_Relations"),
        (
            ("人力资源部", "People"),
            "招聘部:Recruiting 薪酬福利部:Compensation 培训发展部:Learning 员工关系部:Employee_Relations",
        ),
        (("财务部", "Finance"), "会计部:Accounting 资金部:Treasury 税务部:Tax 财务分析部:Planning"),
        (("法务合规部", "Legal & Compliance"), "合同部:Contracts 知识产权部:Intellectual_Property 合规部:Compliance"),
        (("客户成功部", "Customer Success"), "实施部:Onboarding 技术支持部:Support 客户运营部:Customer_Operations"),
        (
            ("供应链部", "Supply Chain"),
            "采购部:Procurement 物流部:Logistics 仓储部:Warehousing 计划部:Demand_Planning",
        ),
        (("信息技术部", "IT"), "桌面支持部:Desktop 网络部:Network 企业应用部:Business_Applications"),
        (("制造中心", "Manufacturing"), "一厂:Plant_One 二厂:Plant_Two 工艺部:Process_Engineering 设备部:Equipment"),
        (("战略投资部", "Strategy"), "投资部:Investments 战略规划部:Corporate_Planning 行业研究部:Research"),
    )
)
TITLES = _rows("""
    工程师:Engineer 高级工程师:Senior_Engineer 专员:Specialist 高级专员:Senior_Specialist 分析师:Analyst 设计师:Designer
    顾问:Consultant 助理:Assistant 项目经理:Project_Manager 架构师:Architect 实习生:Intern
""")
COMPANIES = (("远帆科技", "Farsail Technology"), ("青禾制造", "Greenfield Works"), ("云杉软件", "Spruce Software"))
DOMAINS = ("example.com", "example.org", "example.net")
